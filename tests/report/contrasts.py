"""Reads the contrast of what a page draws: of text, and of marks and lines, in SVG and in HTML."""

DRAWN = """
() => {
  // As a browser computes colours: rgb, or rgba, from 0 to 255.
  const parsed = (text) => text === "none" ? null : text.match(/[\\d.]+/g).map(Number);
  const channel = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const luminance = ([red, green, blue]) =>
    0.2126 * channel(red / 255) + 0.7152 * channel(green / 255) + 0.0722 * channel(blue / 255);
  const paper = parsed(getComputedStyle(document.body).backgroundColor);
  const contrast = (colour, opacity) => {
    const alpha = opacity * (colour[3] ?? 1);
    const seen = paper.slice(0, 3).map((part, place) => alpha * colour[place] + (1 - alpha) * part);
    const [low, high] = [luminance(seen), luminance(paper)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const opacityOf = (one) => {
    let product = 1;
    for (let e = one; e; e = e.parentElement) product *= Number(getComputedStyle(e).opacity);
    return product;
  };
  const found = [];
  const tell = (kind, one, of, contrasts) => {
    const what = `${of} ${one.textContent.trim().slice(0, 40)}`.trim();
    found.push({ kind, what, contrast: Math.max(...contrasts) });
  };
  for (const one of document.querySelectorAll("svg text")) {
    const style = getComputedStyle(one);
    const [fill, opacity] = [parsed(style.fill), opacityOf(one) * Number(style.fillOpacity)];
    if (!fill || !opacity || !one.textContent.trim()) continue;
    tell("text", one, "text", [contrast(fill, opacity)]);
  }
  const marks = "svg .role-mark :is(path, line, rect), svg .role-axis-domain line";
  for (const one of document.querySelectorAll(marks)) {
    if (one.matches(".background, .foreground, defs *")) continue;
    const [style, opacity] = [getComputedStyle(one), opacityOf(one)];
    const parts = [["fill", "fillOpacity"], ["stroke", "strokeOpacity"]].flatMap(([of, by]) => {
      const [colour, alpha] = [parsed(style[of]), opacity * Number(style[by])];
      return colour && alpha ? [contrast(colour, alpha)] : [];
    });
    const of = one.closest("[class^=mark-]").getAttribute("class");
    if (parts.length) tell("mark", one, of, parts);
  }
  for (const one of document.querySelectorAll(".key, .line, .swatch")) {
    const style = getComputedStyle(one);
    const parts = [style.backgroundColor, style.borderTopColor];
    tell("mark", one, one.className, parts.map((text) => contrast(parsed(text), 1)));
  }
  return found;
}
"""
"""What is drawn on a page, each with its contrast with the page's background.

A mark stands out by its area or by its edge, so that the better of the two counts. Grid lines and
ticks only lead the eye, and are left out.
"""

LEAST = {"text": 4.5, "mark": 3.0}
"""What WCAG 2.2 asks of text (1.4.3) and of what a picture is read by (1.4.11)."""


def contrasts(tab):
    """What is drawn on the page, a dictionary each: kind ("text" or "mark"), what and contrast."""
    return tab.evaluate(DRAWN)


def too_weak(found):
    """What does not stand out enough: its contrast, and what it is."""
    weak = [one for one in found if one["contrast"] < LEAST[one["kind"]]]
    return sorted({f"{one['contrast']:.2f} {one['what']}" for one in weak})
