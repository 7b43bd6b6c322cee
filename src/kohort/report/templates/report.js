"use strict";
(() => {
  const parts = [...document.querySelectorAll("details.part")];
  const folded = [...document.querySelectorAll("details")];

  const fold = document.createElement("button");
  const label = () => folded.every((one) => one.open) ? "Close all" : "Open all";
  fold.type = "button";
  fold.textContent = label();
  fold.addEventListener("click", () => {
    const open = !folded.every((one) => one.open);
    folded.forEach((one) => { one.open = open; });
  });
  folded.forEach((one) => one.addEventListener("toggle", () => { fold.textContent = label(); }));
  document.querySelector("main").prepend(fold);

  // A link to a part, or into one, opens it.
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let inside = target; inside; inside = inside.parentElement?.closest("details")) {
      if (inside.tagName === "DETAILS") inside.open = true;
    }
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();

  // On paper nothing can be opened.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = parts.filter((part) => !part.open);
    opened.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((part) => { part.open = false; }));

  const curves = document.querySelector(".overlay");
  if (curves) {
    const { variants, numbers } = JSON.parse(curves.querySelector("script").textContent);
    const boxes = [...curves.querySelectorAll("[type=checkbox]")];
    const stacks = [...curves.querySelectorAll(".stack")];
    const view = curves.querySelector(".view");
    const smoothing = curves.querySelector(".smoothing");
    const epoch = curves.querySelector("[type=range]");
    const draw = () => {
      const stack = stacks[view.value];
      stacks.forEach((other) => { other.hidden = other !== stack; });
      stacks.forEach(({ children }) => boxes.forEach((box, place) => {
        children[place + 1].hidden = !box.checked;
      }));
      curves.querySelector("output").value = epoch.value;
      const of = numbers[stack.dataset.metric];
      const told = (side, place) => of[place][side]?.[epoch.value - 1] ?? "none";
      curves.querySelector("tbody").replaceChildren(...boxes.flatMap((box, place) => {
        if (!box.checked) return [];
        const row = document.createElement("tr");
        const name = document.createElement("th");
        name.scope = "row";
        name.textContent = variants[place];
        row.append(name);
        for (const side of ["training", "validation"]) row.insertCell().textContent = told(side, place);
        return [row];
      }));
    };
    // An exponential moving average, debiased. On a linear scale that of the heights is as high as
    // that of the values; on a log scale heights are turned into values, up to a factor, and back.
    const averaged = (line, weight, logarithm) => {
      const value = (y) => logarithm ? Math.exp(-logarithm * y) : y;
      const height = (mean) => logarithm ? -Math.log(mean) / logarithm : mean;
      let [sum, weights] = [0, 0];
      return line.replace(/([ML])([^,]+),([^MLZ]+)/g, (_, way, x, y) => {
        sum = weight * sum + value(Number(y));
        weights = weight * weights + 1;
        return `${way}${x},${height(sum / weights).toFixed(2)}`;
      });
    };
    const smooth = () => {
      for (const stack of stacks) {
        stack.querySelectorAll(".smoothed").forEach((line) => line.remove());
        for (const line of stack.querySelectorAll(".of .mark-line path")) {
          const weight = Number(smoothing.value);
          line.classList.toggle("faint", weight > 0);
          if (weight === 0) continue;
          const over = line.cloneNode();
          over.setAttribute("class", "smoothed");
          over.setAttribute("d", averaged(line.getAttribute("d"), weight, Number(stack.dataset.logarithm)));
          line.after(over);
        }
      }
    };
    smoothing.addEventListener("input", smooth);
    for (const stack of stacks) {
      stack.addEventListener("pointermove", (event) => {
        const box = stack.getBoundingClientRect();
        const [left, right] = [stack.dataset.left, stack.dataset.right].map(Number);
        const part = ((event.clientX - box.left) / box.width - left) / (right - left);
        epoch.value = Math.round(1 + part * (epoch.max - 1));
        draw();
      });
    }
    [view, epoch, ...boxes].forEach((control) => control.addEventListener("input", draw));
    curves.hidden = false;
    draw();
    smooth();
  }

  for (const table of document.querySelectorAll("table.long")) {
    const [best, rest] = table.tBodies;
    const rows = [...best.rows, ...rest.rows];
    const shown = best.rows.length;
    const tools = document.createElement("p");
    const text = document.createElement("input");
    const all = document.createElement("button");
    text.type = "search";
    text.placeholder = "name or verdict";
    text.setAttribute("aria-label", "Show variants whose name or verdict has this text");
    all.type = "button";
    tools.className = "tools";
    tools.append(text, all);
    table.parentElement.before(tools);
    let whole = false;
    const show = () => {
      const wanted = text.value.trim().toLowerCase();
      rows.forEach((row, place) => {
        const fits = row.textContent.toLowerCase().includes(wanted);
        row.hidden = !fits || !(whole || wanted || place < shown);
      });
      all.textContent = whole ? `Show ${shown}` : `Show ${rows.length - shown} others`;
    };
    all.addEventListener("click", () => { whole = !whole; show(); });
    text.addEventListener("input", show);
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      const sort = document.createElement("button");
      sort.type = "button";
      sort.append(...cell.childNodes);
      cell.append(sort);
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      sort.addEventListener("click", () => {
        const up = cell.getAttribute("aria-sort") !== "ascending";
        [...table.tHead.rows[0].cells].forEach((other) => other.removeAttribute("aria-sort"));
        cell.setAttribute("aria-sort", up ? "ascending" : "descending");
        const compare = new Intl.Collator("en", { numeric: true }).compare;
        rows.sort((one, two) => {
          const [a, b] = [key(one), key(two)];
          const order = a !== "" && b !== "" && isFinite(a) && isFinite(b) ? a - b : compare(a, b);
          return up ? order : -order;
        });
        best.append(...rows);
        show();
      });
    });
    show();
  }
})();
