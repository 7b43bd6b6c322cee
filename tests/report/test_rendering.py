"""What all pages are rendered by."""

from kohort.report.templates.rendering import environment


def test_what_stands_between_backticks_is_code_and_all_of_it_is_escaped():
    template = environment().from_string("{{ text|code }}")
    shown = template.render(text="give `margin=`, not `<b>` & a lone `")
    expected = "give <code>margin=</code>, not <code>&lt;b&gt;</code> &amp; a lone `"
    assert shown == expected
