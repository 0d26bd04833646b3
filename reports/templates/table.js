/* Sorting, and where a number lies on pointing at it. The report reads the same without this. */
(() => {
  const value = (cell) => {
    const text = cell.textContent.replace(/\s/g, " ").trim();
    const number = parseFloat(text.replace(/,/g, "").replace("−", "-").replace(/^[<>]/, ""));
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    if (table.querySelector("tr.head, tr.total") || table.tBodies[0].rows.length < 3) continue;
    table.querySelectorAll("thead th").forEach((head, column) => {
      const button = document.createElement("button");
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows].sort((a, b) => {
          const [x, y] = [value(a.cells[column]), value(b.cells[column])];
          const order = typeof x === typeof y ? (x > y) - (x < y) : typeof x === "number" ? -1 : 1;
          return up ? order : -order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  }
  for (const place of document.querySelectorAll("span[data-address]")) place.title = place.dataset.address;
})();
