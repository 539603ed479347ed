"use strict";
(() => {
  const table = document.getElementById("connections");
  const tools = document.getElementById("tools");
  if (table && tools) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const input = tools.querySelector("input");
    const count = tools.querySelector("output");
    let texts = null;
    const filter = () => {
      texts ??= rows.map((row) => Array.from(row.cells, (cell) => cell.textContent).join(" ").toLowerCase());
      const words = input.value.toLowerCase().split(/\s+/).filter((word) => word);
      let shown = 0;
      rows.forEach((row, index) => {
        const fits = words.every((word) => texts[index].includes(word));
        row.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      count.value = words.length ? shown + " of " + rows.length : "";
    };
    input.addEventListener("input", filter);
    tools.hidden = false;

    const ranks = { FAIL: 0, WARN: 1, UNSURE: 2, OK: 3 };
    const units = { "µs": 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600 };
    // Connections are numbered in order of their beginnings, whose cells may lack the date.
    const isEach = table.classList.contains("each");
    const key = (row, column) => {
      const text = row.cells[isEach && column === 1 ? 0 : column].textContent.trim();
      const packets = /^(\d+)(?:-(\d+))?$/.exec(text);
      if (packets) return [Number(packets[1]), text];
      const word = text.split(" ")[0];
      if (word in ranks) return [ranks[word], text];
      if (/^[\d.,]+(?: (?:µs|ms|s|min|h))?/.test(text) && !/[:\-]/.test(text)) {
        const parts = Array.from(text.matchAll(/([\d.,]+)(?: (µs|ms|s|min|h))?/g));
        const value = (part) => parseFloat(part[1].replace(/,/g, "")) * (units[part[2]] || 1);
        return [parts.reduce((sum, part) => sum + value(part), 0), text];
      }
      return [text === "-" ? Infinity : 0, text];
    };
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const falls = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", falls ? "descending" : "ascending");
        const keyed = rows.map((row) => [key(row, column), row]);
        const collator = new Intl.Collator("en", { numeric: true });
        keyed.sort(([one], [other]) => {
          const order = one[0] === other[0] ? collator.compare(one[1], other[1]) : one[0] - other[0];
          return falls ? -order : order;
        });
        body.append(...keyed.map((pair) => pair[1]));
      });
    });
  }
  document.addEventListener("keydown", (event) => {
    const focused = document.activeElement;
    if (event.key === "Escape" && focused instanceof HTMLElement) focused.blur();
  });
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((part) => { part.open = true; });
  });
})();
