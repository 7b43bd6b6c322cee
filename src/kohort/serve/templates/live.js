"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const make = (tag, text = "", attributes = {}) => {
    const element = document.createElement(tag);
    element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const say = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const whole = new Intl.NumberFormat("en");
  const count = (number, what) => `${whole.format(number)} ${what}${number === 1 ? "" : "s"}`;
  const address = (page, name) => `${page}?name=${encodeURIComponent(name)}`;

  // A feed that is always there: it comes again after the server was away, and says so.
  const follow = (place, take) => {
    const feed = new EventSource(place);
    feed.onmessage = (event) => {
      const message = JSON.parse(event.data);
      say(by("link"), message.error ? message.error : "");
      if (!message.error && !message.again) take(message);
    };
    feed.onerror = () => {
      say(by("link"), "The server does not answer. What is shown is from before; this page tries again.");
      if (feed.readyState === EventSource.CLOSED) setTimeout(() => follow(place, take), 3000);
    };
    addEventListener("pagehide", () => feed.close(), { once: true });
  };
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  const badge = (element, status) => {
    say(element, status);
    element.className = `badge ${{ running: "running", done: "done", failed: "found" }[status] ?? ""}`;
  };

  const showStudies = ({ studies }) => {
    by("none").hidden = studies.length > 0;
    const body = by("studies").tBodies[0];
    const focused = document.activeElement?.closest?.("tbody") === body && document.activeElement.textContent;
    body.replaceChildren(...studies.map((study) => {
      const row = make("tr");
      const name = make("th", "", { scope: "row" });
      name.append(make("a", study.name, { href: address("study", study.name) }));
      const state = make("td", "", { class: "text" });
      const mark = make("span");
      badge(mark, study.status);
      state.append(mark);
      row.append(name, state, make("td", `${whole.format(study.finished)} of ${count(study.members, "member")}`),
        make("td", count(study.epochs, "member epoch")), make("td", study.created));
      return row;
    }));
    if (focused) [...body.querySelectorAll("a")].find((link) => link.textContent === focused)?.focus();
  };

  if (document.body.dataset.page === "studies") {
    follow("feed", showStudies);
    return;
  }

  const name = document.body.dataset.name;
  // The first of the report's: each stands out from the light page, and from the dark one.
  const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7830fc", "#e40048", "#7878fc", "#546c3c"];
  const CHOSEN = 4;
  const ROWS = 50;
  let csrf = document.querySelector("meta[name=csrf]").content;
  let variants = [];
  let head = {};
  let judged = { standings: [], findings: [] };
  let members = [];
  let bands = [];
  let counts = [];
  let standing = new Map();
  let order = [];
  let chosen = null;
  let isByHand = false;
  let stage = 0;
  let showsAll = false;
  let follows = true;
  let drawn = [];
  const rows = new Map();
  const kept = new Set();
  const dirty = new Set();

  // As the report and the terminal write them (`significant` in Python).
  const written = (value) => {
    const short = Number(value.toPrecision(4));
    if (Math.abs(short) < 1000) return String(short);
    if (Math.abs(short) < 1e6) return short.toLocaleString("en-US");
    return short.toExponential().replace(/e\+(\d)$/, "e+0$1");
  };
  // Likewise (`fixed`): half a tenth goes up, and so does what the rounding of floats leaves of it.
  const percent = (part) => `${(Math.round(1000 * part + 1e-5) / 10).toFixed(1)} %`;
  const number = (value, digits = 3) => value === null || value === undefined ? "none"
    : judged.proportion && digits === 1 ? percent(value) : written(value);
  const scored = (value) => number(value, 1);
  // By the place of a variant in its study, so that another look has the same colours; where two of
  // one colour are shown, the later one has the next that is free.
  const colour = (variant) => {
    const taken = new Set();
    for (const one of [...chosen].sort((a, b) => a - b)) {
      let place = one % COLOURS.length;
      while (taken.has(place)) place = (place + 1) % COLOURS.length;
      if (one === variant) return COLOURS[place];
      taken.add(place);
    }
    return COLOURS[0];
  };

  const countOf = (variant) => counts[variant] ??= { members: new Set(), finished: 0, diverged: 0, epochs: 0 };
  const take = (message) => {
    if (message.all) {
      members = []; bands = []; counts = []; standing = new Map();
      csrf = message.csrf;
      for (const part of ["head", "rows", "curves", "members", "findings", "events"]) dirty.add(part);
    }
    if (message.variants) { variants = message.variants; dirty.add("order"); }
    if (message.head) { head = message.head; dirty.add("head"); }
    if (message.judged && "standings" in message.judged) {
      judged = message.judged;
      standing = new Map(judged.standings.map((one) => [one[0], one]));
      dirty.add("order").add("findings").add("head");
    }
    if (message.events) { drawn = message.events; dirty.add("events"); }
    const touched = new Set();
    for (const [place, variant, replicate, share, epochs, state] of message.members ?? []) {
      members[place] = { variant, replicate, share, epochs, state };
      countOf(variant).members.add(place);
      touched.add(variant);
    }
    for (const variant of touched) {
      const of = counts[variant];
      const all = [...of.members].map((place) => members[place]);
      of.finished = all.filter(({ state }) => state === "finished").length;
      of.diverged = all.filter(({ state }) => state === "diverged").length;
      of.epochs = all.reduce((most, { epochs }) => Math.max(most, epochs), 0);
      dirty.add("rows").add("members");
    }
    for (const [variant, epoch, band] of message.cells ?? []) {
      (bands[variant] ??= [])[epoch] = band;
      if (chosen?.includes(variant)) dirty.add("curves");
    }
    if (message.cells?.length && !isByHand && (chosen?.length ?? 0) < CHOSEN) dirty.add("order");
    plan();
  };

  // What changed is drawn at once, but ten times a second and a quarter of the time at most:
  // updates may come faster.
  let planned = false;
  let next = 0;
  const plan = () => {
    if (planned) return;
    planned = true;
    setTimeout(() => requestAnimationFrame(() => {
      planned = false;
      const began = performance.now();
      draw();
      const ended = performance.now();
      next = ended + Math.max(100, 3 * (ended - began));
    }), Math.max(0, next - performance.now()));
  };
  const draw = () => {
    if (dirty.has("order")) { sort(); dirty.add("rows").add("curves").add("members").add("head"); }
    if (dirty.has("head")) showHead();
    if (dirty.has("rows")) showRows();
    if (dirty.has("curves")) showCurves();
    if (dirty.has("members")) showMembers();
    if (dirty.has("findings")) showFindings();
    if (dirty.has("events")) showEvents();
    dirty.clear();
  };

  const isSearch = () => head.kind === "search";
  const sort = () => {
    // As they stand, the best first; behind them those that do not.
    order = [...new Set([...standing.keys(), ...variants.keys()])];
    // Until somebody chooses: the best and the baseline, and what begins while there are few. They
    // are chosen anew when the first scores are there, and when the last are.
    const reached = judged.final ? 2 : [...standing.values()].some((one) => one[2] !== null) ? 1 : 0;
    if (!isByHand && reached > stage) { chosen = null; kept.clear(); }
    stage = reached;
    if (!isByHand && (chosen?.length ?? 0) < CHOSEN && bands.length) {
      const begun = order.filter((variant) => bands[variant]);
      const best = chosen ?? [...begun.slice(0, CHOSEN - 1), ...(bands[0] && !isSearch() ? [0] : [])];
      chosen = [...new Set([...best, ...begun])].slice(0, CHOSEN);
    }
  };

  const left = (seconds) => seconds < 90 ? `about ${seconds} s left`
    : seconds < 5400 ? `about ${Math.round(seconds / 60)} min left` : `about ${(seconds / 3600).toFixed(1)} h left`;
  const showHead = () => {
    badge(by("status"), head.asked ? "ending after this epoch" : head.status ?? "");
    const facts = [
      `${whole.format(head.finished ?? 0)} of ${count(head.members ?? 0, "member")} finished`,
      head.total ? `${whole.format(head.done)} of ${count(head.total, "member epoch")}${head.kind === "race" ? " of the looks so far" : ""}`
        : count(head.done ?? 0, "member epoch"),
      ...(head.running ? [head.left === null ? "time left not known yet" : `${left(head.left)} ${head.part}`.trim(), `on ${head.run}`] : []),
      ...(head.began ? [head.ended ? `${head.began} to ${head.ended}` : `since ${head.began}`] : []),
    ];
    say(by("facts"), facts.join(" · "));
    by("progress").value = head.total ? head.done / head.total : 0;
    by("progress").hidden = !head.total || judged.final;
    by("stop").hidden = !head.running || head.asked;
    if (!head.running) say(by("stopped"), "");
    by("report").hidden = !head.final || isSearch();
    by("found").hidden = isSearch(); // Rules are asked about its finalists, which are another study.
    by("report").href = address("report", name);
    say(by("pending"), head.pending ?? "");
    by("pending").hidden = !head.pending;
    by("picture").hidden = !head.picture;
    if (by("pad").dataset.light !== String(isLight())) clear();
    const best = order.map((variant) => standing.get(variant)).find((one) => one && one[2] !== null);
    const interval = best && best[3] !== null ? ` (${scored(best[3])} to ${scored(best[4])})` : "";
    const soFar = best ? `So far ${variants[best[0]]} leads: validation ${judged.metric} ${scored(best[2])}${interval}, over `
      + `${count(best[1], "member")}. That is no verdict: one comes at the end.` : "Nothing is measured yet.";
    say(by("answer"), judged.final || isSearch() ? judged.answer : soFar);
  };

  const emptyRow = () => {
    const row = make("tr");
    const cells = Array.from({ length: 6 }, (_, place) => make("td", "", place > 3 ? { class: "text" } : {}));
    row.append(make("th", "", { scope: "row" }), ...cells);
    return row;
  };
  const rowOf = (variant) => {
    if (rows.has(variant)) return rows.get(variant);
    const row = emptyRow();
    const label = make("label");
    const box = make("input", "", { type: "checkbox" });
    const swatch = make("span", "", { class: "swatch", "aria-hidden": "true" });
    label.append(box, swatch, make("span", variants[variant]));
    row.cells[0].append(label);
    box.addEventListener("change", () => {
      isByHand = true;
      chosen = box.checked ? [...(chosen ?? []), variant].slice(-COLOURS.length) : chosen.filter((one) => one !== variant);
      dirty.add("rows").add("curves");
      plan();
    });
    rows.set(variant, row);
    return row;
  };
  const reference = emptyRow();
  const referenceRow = ([title, score, low, high, verdict]) => {
    const told = [title, "", "", scored(score), low === null ? "none" : `${scored(low)} to ${scored(high)}`, "", verdict];
    told.forEach((text, place) => say(reference.cells[place], text));
    return reference;
  };
  const showRows = () => {
    const body = by("variants").tBodies[0];
    // Who is drawn has a row with a checked box, and keeps it: an unchecked one would leave with its focus.
    (chosen ?? []).forEach((variant) => kept.add(variant));
    const shown = order.filter((variant, place) => showsAll || place < ROWS || kept.has(variant));
    say(by("score"), judged.metric ? `validation ${judged.metric}${judged.final ? "" : " so far"}` : "score");
    say(by("scores"), judged.confidence ? `Mean over members, each at the best epoch of the others of its variant, and its ${Math.round(100 * judged.confidence)} % interval.`
      : isSearch() ? "Score at the epoch of lowest validation loss; trials that climbed higher stand before the others." : "");
    const verdicts = new Map((judged.verdicts ?? []).map(([variant, ...told]) => [variant, told]));
    const shows = verdicts.size > 0;
    [...by("variants").tHead.rows[0].cells].slice(5).forEach((cell) => { cell.hidden = !shows; });
    [by("variants").tHead.rows[0], ...shown.map(rowOf)].forEach((row) => { row.cells[4].hidden = isSearch(); });
    for (const variant of shown) {
      const row = rowOf(variant);
      [5, 6].forEach((place) => {
        row.cells[place].hidden = !shows;
        say(row.cells[place], verdicts.get(variant)?.[place - 5] ?? "");
      });
      const of = countOf(variant);
      const one = standing.get(variant);
      const box = row.querySelector("input");
      const isChosen = chosen?.includes(variant) ?? false;
      box.checked = isChosen;
      row.querySelector(".swatch").style.background = isChosen ? colour(variant) : "none";
      say(row.querySelector("label span:last-child"), variants[variant]);
      const lost = of.diverged ? `, ${of.diverged} diverged` : "";
      say(row.cells[1], `${whole.format(of.finished)} of ${whole.format(of.members.size)}${lost}`);
      say(row.cells[2], whole.format(of.epochs));
      say(row.cells[3], one ? scored(one[2]) : "none");
      say(row.cells[4], one && one[3] !== null ? `${scored(one[3])} to ${scored(one[4])}` : "none");
    }
    // What one answer for all samples scores, below the variants, as in the report.
    const wanted = [...shown.map(rowOf), ...(judged.reference ? [referenceRow(judged.reference)] : [])];
    if (wanted.length !== body.rows.length || wanted.some((row, place) => body.rows[place] !== row)) {
      const focused = document.activeElement;
      body.replaceChildren(...wanted);
      if (focused && body.contains(focused)) focused.focus();
    }
    by("more").hidden = order.length <= ROWS;
    by("rest").hidden = showsAll || order.length <= ROWS;
    say(by("rest"), `The best ${ROWS}, and below them those that are drawn, or were.`);
    say(by("more"), showsAll ? `Show ${ROWS}` : `Show all ${whole.format(order.length)}`);
  };
  by("more").addEventListener("click", () => { showsAll = !showsAll; dirty.add("rows"); plan(); });

  const style = (property) => getComputedStyle(document.documentElement).getPropertyValue(property).trim();
  const surface = (canvas, height) => {
    const scale = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    return [pen, width, height];
  };

  // Of a band: mean, lowest, highest of training, then of validation, for each metric in turn.
  const charts = [];
  const showCurves = () => {
    const metrics = head.metrics ?? [];
    const key = metrics.join();
    if (by("charts").dataset.of !== key) {
      by("charts").dataset.of = key;
      charts.length = 0;
      by("charts").replaceChildren(...metrics.map((metric, place) => {
        const figure = make("figure");
        const plot = make("div", "", { class: "plot" });
        const chart = {
          metric, place, caption: make("figcaption"), canvas: make("canvas", "", { role: "img" }), scale: null, pointer: null,
          rule: make("span", "", { class: "rule", hidden: "" }),
          // Who reads by ear or by keyboard has the same numbers in the table below.
          tip: make("div", "", { class: "tip", hidden: "", "aria-hidden": "true" }),
        };
        plot.append(chart.canvas, chart.rule, chart.tip);
        figure.append(chart.caption, plot);
        for (const kind of ["pointermove", "pointerdown"]) {
          chart.canvas.addEventListener(kind, (event) => aim(chart, [event.offsetX, event.offsetY]));
        }
        // A finger that is lifted leaves what it showed, until it touches another place.
        chart.canvas.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") aim(chart, null); });
        charts.push(chart);
        return figure;
      }));
    }
    by("shown").replaceChildren(...(chosen ?? []).map((variant) => named(make("li"), variant)));
    const longest = Math.max(0, ...(chosen ?? []).map((variant) => bands[variant]?.length ?? 0));
    by("readout").hidden = !longest;
    by("epoch").max = Math.max(1, longest);
    if (follows) by("epoch").value = longest;
    for (const chart of charts) {
      drawChart(chart, longest);
      tell(chart);
    }
    showNumbers();
  };
  const named = (element, variant) => {
    const swatch = make("span", "", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = colour(variant);
    element.append(swatch, make("span", variants[variant]));
    return element;
  };
  const inDigits = (value, place) => number(value, place === charts.length - 1 ? 1 : 3);
  const steps = (low, high) => {
    const raw = (high - low) / 4 || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw);
    const marks = [];
    for (let mark = Math.ceil(low / step) * step; mark <= high + step / 1e6; mark += step) marks.push(mark);
    return [marks, Math.max(0, -Math.floor(Math.log10(step)))];
  };
  // Of each decade 1, 2 and 5, or of many decades some powers of ten; of less than a decade even steps.
  const logSteps = (low, high) => {
    const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
    const marks = [];
    const every = Math.ceil((last - first) / 6);
    for (let power = first; power <= last; power += every) {
      for (const part of last - first > 3 ? [1] : [1, 2, 5]) marks.push(Number(`${part}e${power}`));
    }
    const inside = marks.filter((mark) => low <= mark && mark <= high);
    return inside.length > 2 ? inside : steps(low, high)[0].filter((mark) => mark > 0);
  };
  const drawChart = (chart, longest) => {
    const { canvas, metric, place } = chart;
    chart.scale = null;
    const [pen, width, height] = surface(canvas, canvas.clientHeight);
    const told = `${metric} by epoch of ${count((chosen ?? []).length, "variant")}, up to epoch ${longest}; the table below has the numbers`;
    canvas.setAttribute("aria-label", told);
    const isPercent = judged.proportion && place === charts.length - 1;
    const at = 6 * place;
    let [low, high] = [Infinity, -Infinity];
    for (const variant of chosen ?? []) {
      for (const band of bands[variant] ?? []) {
        for (const one of [band?.[at], band?.[at + 4], band?.[at + 5]]) {
          if (one === null || one === undefined) continue;
          low = Math.min(low, one); high = Math.max(high, one);
        }
      }
    }
    const isLoss = metric.includes("loss");
    const isLog = by("log").checked && isLoss && low > 0;
    const lacksLog = by("log").checked && isLoss && low <= 0;
    say(chart.caption, metric + (isLog ? ", log scale" : lacksLog ? ", linear scale: not all of it is above 0" : ""));
    if (!(low <= high)) return;
    if (low === high) [low, high] = isLog ? [low / 2, 2 * high] : [low - 0.5, high + 0.5];
    const [marks, digits] = isLog ? [logSteps(low, high), 0] : steps(low, high);
    const text = (mark) => isLog || Math.abs(mark) >= 1e6 ? written(mark)
      : isPercent ? `${(100 * mark).toFixed(Math.max(0, digits - 2))} %`
      : mark.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    pen.font = "12px system-ui, sans-serif";
    const widest = Math.max(0, ...marks.map((mark) => pen.measureText(text(mark)).width));
    const [left, right, top, bottom] = [Math.max(52, widest + 10), width - 8, 8, height - 26];
    const x = (epoch) => left + (right - left) * (longest > 1 ? epoch / (longest - 1) : 0.5);
    const along = (value) => isLog ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    const y = (value) => bottom - (bottom - top) * along(value);
    chart.scale = { left, right, top, bottom, longest, x, y };
    pen.fillStyle = style("--muted");
    pen.strokeStyle = style("--line");
    pen.lineWidth = 1;
    pen.textAlign = "right";
    for (const mark of marks) {
      pen.beginPath(); pen.moveTo(left, y(mark)); pen.lineTo(right, y(mark)); pen.stroke();
      pen.fillText(text(mark), left - 6, y(mark) + 4);
    }
    pen.textAlign = "center";
    const every = Math.max(1, Math.ceil(longest / Math.max(2, Math.floor((right - left) / 60))));
    for (let epoch = 0; epoch < longest; epoch += every) pen.fillText(String(epoch + 1), x(epoch), height - 8);
    const runs = (variant, ...offsets) => {
      const found = [[]];
      (bands[variant] ?? []).forEach((band, epoch) => {
        const values = offsets.map((offset) => band?.[at + offset]);
        if (values.some((value) => value === null || value === undefined)) found.push([]);
        else found[found.length - 1].push([x(epoch), ...values.map(y)]);
      });
      return found.filter((run) => run.length);
    };
    for (const variant of chosen ?? []) {
      pen.fillStyle = pen.strokeStyle = colour(variant);
      pen.globalAlpha = 0.18;
      for (const run of runs(variant, 4, 5)) {
        pen.beginPath();
        run.forEach(([px, lower]) => pen.lineTo(px, lower));
        run.toReversed().forEach(([px, , upper]) => pen.lineTo(px, upper));
        pen.fill();
      }
      pen.globalAlpha = 1;
      for (const [offset, dashes, thick] of [[0, [5, 4], 1.5], [3, [], 2]]) {
        pen.setLineDash(dashes);
        pen.lineWidth = thick;
        for (const run of runs(variant, offset)) {
          pen.beginPath();
          run.forEach(([px, value]) => pen.lineTo(px, value));
          pen.stroke();
          if (run.length === 1) pen.fillRect(run[0][0] - 2, run[0][1] - 2, 4, 4);
        }
      }
      pen.setLineDash([]);
    }
    const shown = by("epoch").value - 1;
    pen.strokeStyle = style("--muted");
    pen.lineWidth = 1;
    pen.beginPath(); pen.moveTo(x(shown), top); pen.lineTo(x(shown), bottom); pen.stroke();
  };
  // Below the curves, of the pointer's epoch: each variant's name and values, the highest first.
  const tell = ({ place, scale, pointer, rule, tip }) => {
    rule.hidden = tip.hidden = true;
    if (pointer === null || scale === null) return;
    const { left, right, top, bottom, longest, x, y } = scale;
    const part = Math.min(1, Math.max(0, (pointer[0] - left) / (right - left)));
    const epoch = Math.round(part * (longest - 1));
    const found = (chosen ?? []).flatMap((variant) => {
      const [training, validation] = [0, 3].map((at) => bands[variant]?.[epoch]?.[6 * place + at] ?? null);
      const away = Math.min(...[training, validation].map((one) => one === null ? Infinity : Math.abs(y(one) - pointer[1])));
      return away < Infinity ? [{ variant, training, validation, away }] : [];
    });
    if (!found.length) return;
    found.sort((a, b) => (b.validation ?? b.training) - (a.validation ?? a.training));
    const nearest = Math.min(...found.map(({ away }) => away));
    tip.replaceChildren(make("p", `epoch ${epoch + 1}: validation (training)`), ...found.map((one) => {
      const line = named(make("p", "", { class: one.away === nearest ? "near" : "" }), one.variant);
      line.append(make("b", `${inDigits(one.validation, place)} (${inDigits(one.training, place)})`));
      return line;
    }));
    Object.assign(rule.style, { left: `${x(epoch)}px`, top: `${top}px`, height: `${bottom - top}px` });
    rule.hidden = tip.hidden = false;
  };
  const aim = (chart, pointer) => {
    chart.pointer = pointer;
    tell(chart);
  };
  addEventListener("pointerdown", (event) => charts.forEach((chart) => { if (event.target !== chart.canvas) aim(chart, null); }));
  addEventListener("keydown", (event) => { if (event.key === "Escape") charts.forEach((chart) => aim(chart, null)); });
  by("log").addEventListener("change", () => { dirty.add("curves"); plan(); });
  const showNumbers = () => {
    const epoch = by("epoch").value - 1;
    say(by("epoch-shown"), String(epoch + 1));
    const metrics = head.metrics ?? [];
    const titles = ["variant", ...metrics.flatMap((metric) => [`training ${metric}`, `validation ${metric}`])];
    const line = make("tr");
    line.append(...titles.map((title) => make("th", title, { scope: "col" })));
    by("numbers").tHead.replaceChildren(line);
    by("numbers").tBodies[0].replaceChildren(...(chosen ?? []).map((variant) => {
      const row = make("tr");
      const band = bands[variant]?.[epoch];
      row.append(make("th", variants[variant], { scope: "row" }));
      metrics.forEach((_, place) => {
        for (const at of [6 * place, 6 * place + 3]) {
          const has = band && band[at] !== null;
          row.append(make("td", has ? `${inDigits(band[at], place)} (${inDigits(band[at + 1], place)} to ${inDigits(band[at + 2], place)})` : "none"));
        }
      });
      return row;
    }));
  };
  by("epoch").addEventListener("input", () => {
    follows = by("epoch").value === by("epoch").max;
    dirty.add("curves");
    plan();
  });

  const STATES = ["waiting", "begun", "finished", "diverged"];
  const showMembers = () => {
    const canvas = by("members");
    const size = members.length > 2000 ? 6 : 12;
    const tints = { waiting: style("--soft"), begun: style("--accent"), finished: style("--good"), diverged: `rgb(${style("--bad")})` };
    const line = style("--muted");
    const across = Math.max(1, Math.floor(canvas.clientWidth / (size + 2)));
    const sorted = order.flatMap((variant) => [...(counts[variant]?.members ?? [])].map((place) => members[place]));
    const height = Math.max(1, Math.ceil(sorted.length / across)) * (size + 2);
    canvas.style.height = `${height}px`;
    const [pen] = surface(canvas, height);
    const total = {};
    sorted.forEach((member, place) => {
      total[member.state] = (total[member.state] ?? 0) + 1;
      const [px, py] = [(place % across) * (size + 2), Math.floor(place / across) * (size + 2)];
      pen.fillStyle = tints[member.state];
      pen.fillRect(px, py, size, size);
      if (member.state !== "waiting") return;
      pen.strokeStyle = line;
      pen.strokeRect(px + 0.5, py + 0.5, size - 1, size - 1);
    });
    const told = STATES.filter((state) => total[state]).map((state) => `${whole.format(total[state])} ${state}`);
    canvas.setAttribute("aria-label", `${count(sorted.length, "member")}: ${told.join(", ")}`);
    const legend = STATES.map((state) => {
      const one = make("span");
      one.append(make("span", "", { class: "swatch", "data-state": state, "aria-hidden": "true" }),
        make("span", `${whole.format(total[state] ?? 0)} ${state}`));
      return one;
    });
    by("legend").replaceChildren(...legend);
  };

  const showFindings = () => {
    const undecided = judged.undecided ? ` ${count(judged.undecided, "rule")} inconclusive.` : "";
    const more = judged.more ? ` ${whole.format(judged.more)} more are not shown.` : "";
    const when = judged.final ? "As the study ended." : "So far: of what has been trained, and they may change until the end. Variants are compared when all have ended.";
    say(by("how-final"), `${when}${judged.findings.length ? "" : " Nothing is found."}${undecided}${more}`);
    by("findings").replaceChildren(...judged.findings.map((finding) => {
      const item = make("li");
      item.append(make("span", `${finding.code} ${judged.final ? "found" : "so far"}`, { class: "badge found" }), ` ${finding.told} ${finding.advice}`);
      return item;
    }));
  };
  const showEvents = () => {
    by("no-events").hidden = drawn.length > 0;
    by("events").replaceChildren(...drawn.toReversed().map((event) => make("li", `${event.at} ${event.kind}: ${event.text}`)));
  };

  const post = async (page, body) => {
    const answer = await fetch(address(page, name), { method: "POST", headers: { "X-Kohort-CSRF": csrf }, body });
    const told = answer.headers.get("content-type")?.startsWith("application/json")
      ? await answer.json() : { error: await answer.text() };
    return answer.ok ? told : { error: told.error ?? `the server answers ${answer.status}` };
  };
  by("stop").addEventListener("click", async () => {
    by("stop").disabled = true;
    try {
      const told = await post("stop");
      say(by("stopped"), told.error ?? (told.asked ? "Asked: it ends after its epoch, and goes on when it is run again." : "It has ended already."));
    } catch {
      say(by("stopped"), "The server does not answer.");
    }
    by("stop").disabled = false;
  });

  const pad = by("pad");
  const ink = pad.getContext("2d", { willReadFrequently: true });
  const isLight = () => (head.picture?.edge ?? 0) > 127;
  const clear = () => {
    pad.dataset.light = String(isLight());
    ink.fillStyle = isLight() ? "#fff" : "#000";
    ink.fillRect(0, 0, pad.width, pad.height);
  };
  let tries = 0;
  const show = async (picture) => {
    const mine = ++tries;
    say(by("tried"), "The variants look at it.");
    let told;
    try { told = await post("try", picture); } catch { told = { error: "The server does not answer." }; }
    if (mine !== tries) return;
    say(by("tried"), told.error ?? (told.answers.length ? "" : "No member has finished yet."));
    by("answers").hidden = !told.answers?.length;
    by("answers").tBodies[0].replaceChildren(...(told.answers ?? []).map((answer) => {
      const row = make("tr");
      const [first, ...rest] = (answer.classes ?? []).map(([label, part]) => `${label} ${(100 * part).toFixed(1)} %`);
      row.append(make("th", answer.variant, { scope: "row" }), make("td", first ?? answer.error, { class: "text wrap" }),
        make("td", rest.join(", "), { class: "text" }));
      return row;
    }));
  };
  // Training images are filled by what they show: so is what is sent of a drawing.
  const filled = () => {
    const { data } = ink.getImageData(0, 0, pad.width, pad.height);
    const paper = isLight() ? 255 : 0;
    let [x0, y0, x1, y1] = [pad.width, pad.height, -1, -1];
    for (let y = 0; y < pad.height; y++) {
      for (let x = 0; x < pad.width; x++) {
        if (Math.abs(data[4 * (y * pad.width + x)] - paper) < 64) continue;
        x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y);
      }
    }
    if (x1 < 0) return null;
    const side = Math.max(x1 - x0, y1 - y0) * 1.15 + 4;
    const sent = make("canvas");
    sent.width = sent.height = pad.width;
    const pen = sent.getContext("2d");
    pen.fillStyle = isLight() ? "#fff" : "#000";
    pen.fillRect(0, 0, sent.width, sent.height);
    const part = sent.width / side;
    pen.setTransform(part, 0, 0, part, sent.width / 2 - part * (x0 + x1) / 2, sent.height / 2 - part * (y0 + y1) / 2);
    pen.drawImage(pad, 0, 0);
    return sent;
  };
  const send = () => filled()?.toBlob((blob) => show(blob), "image/png");
  let isDown = false;
  const point = (event) => {
    const box = pad.getBoundingClientRect();
    return [(event.clientX - box.left) * pad.width / box.width, (event.clientY - box.top) * pad.height / box.height];
  };
  pad.addEventListener("pointerdown", (event) => {
    if (!isDown) { ink.beginPath(); ink.moveTo(...point(event)); }
    isDown = true;
    pad.setPointerCapture(event.pointerId);
  });
  pad.addEventListener("pointermove", (event) => {
    if (!isDown) return;
    ink.strokeStyle = isLight() ? "#000" : "#fff";
    ink.lineWidth = 26; ink.lineCap = ink.lineJoin = "round";
    ink.lineTo(...point(event));
    ink.stroke();
  });
  for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => { if (isDown) { isDown = false; send(); } });
  by("clear").addEventListener("click", () => { clear(); tries++; say(by("tried"), ""); by("answers").hidden = true; });
  const takeFile = async (file) => {
    if (!file) return;
    clear();
    show(file);
    try {
      const image = await createImageBitmap(file);
      const part = Math.min(pad.width / image.width, pad.height / image.height);
      const [width, height] = [image.width * part, image.height * part];
      ink.drawImage(image, (pad.width - width) / 2, (pad.height - height) / 2, width, height);
    } catch { /* The server says what is wrong with it. */ }
  };
  by("file").addEventListener("change", () => takeFile(by("file").files[0]));
  pad.addEventListener("dragover", (event) => { event.preventDefault(); pad.classList.add("over"); });
  pad.addEventListener("dragleave", () => pad.classList.remove("over"));
  pad.addEventListener("drop", (event) => { event.preventDefault(); pad.classList.remove("over"); takeFile(event.dataTransfer.files[0]); });

  const redraw = () => { dirty.add("curves").add("members"); plan(); };
  addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  clear();
  follow(address("feed/study", name), take);
})();
