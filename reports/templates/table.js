/* Sorting and filtering of tables, one group of patients at a time, and where a number comes from.
   The report reads the same without this: nothing is hidden until a reader asks for it. */
(() => {
  const plain = (node) => node.textContent.replace(/[\s\u2060]+/g, " ").trim();
  const value = (cell) => {
    const text = plain(cell);
    const number = parseFloat(text.replace(/,/g, "").replace("−", "-").replace(/^[<>]/, ""));
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };
  const made = (name, properties, ...inside) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...inside);
    return element;
  };
  const said = document.getElementById("said");
  const say = (text) => { if (said) said.textContent = text; };
  const rowsOf = (table) => [...table.tBodies].flatMap((body) => [...body.rows]);
  const isHead = (row) => row.classList.contains("head");
  const nameOf = (head) => plain(head).split(" · ")[0];

  /* Sorting: where rows stand under heads, within each group. */
  const sortable = (table) => {
    table.querySelectorAll("thead th").forEach((head, column) => {
      if (!plain(head)) return;
      const button = made("button", { type: "button", textContent: plain(head) });
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const groups = [{ head: null, rows: [] }];
        for (const row of rowsOf(table)) {
          if (isHead(row)) groups.push({ head: row, rows: [] });
          else groups[groups.length - 1].rows.push(row);
        }
        for (const group of groups) {
          const [fixed, moving] = [[], []];
          for (const row of group.rows) (row.classList.contains("total") ? fixed : moving).push(row);
          moving.sort((a, b) => {
            const [x, y] = [value(a.cells[column]), value(b.cells[column])];
            const order = typeof x === typeof y ? (x > y) - (x < y) : typeof x === "number" ? -1 : 1;
            return up ? order : -order;
          });
          table.tBodies[0].append(...(group.head ? [group.head] : []), ...fixed, ...moving);
        }
        say(`Sorted by ${plain(head)}, ${up ? "ascending" : "descending"}.`);
      });
    });
  };

  /* What is shown: rows that hold the words looked for, of groups of the attribute that was picked. */
  const state = { attribute: "" };
  const show = (table) => {
    const words = (table.filter ? table.filter.value : "").toLowerCase().trim();
    let [head, any, shown, all, group] = [null, false, 0, 0, ""];
    const close = () => { if (head) head.hidden = !any; };
    for (const row of rowsOf(table)) {
      if (isHead(row)) { close(); [head, any, group] = [row, false, nameOf(row)]; continue; }
      const picked = !state.attribute || !head || !table.grouped || group === state.attribute;
      row.hidden = !(picked && plain(row).toLowerCase().includes(words));
      any ||= !row.hidden;
      all += 1;
      shown += !row.hidden;
    }
    close();
    return [shown, all];
  };
  const filterable = (table, number) => {
    const input = made("input", { type: "search", id: `filter-${number}`, autocomplete: "off" });
    const label = made("label", { htmlFor: input.id, className: "filter" }, "Filter rows ", input);
    table.filter = input;
    input.addEventListener("input", () => {
      const [shown, all] = show(table);
      say(`${shown} of ${all} rows shown.`);
    });
    table.before(label);
  };

  const tables = [...document.querySelectorAll("table.sortable")];
  tables.forEach((table, number) => {
    const rows = rowsOf(table).filter((row) => !isHead(row)).length;
    if (rows >= 3) sortable(table);
    if (rows >= 8) filterable(table, number);
  });

  /* The picker of groups, in the section of results by group; it holds for the whole report. */
  const home = document.getElementById("section-r14");
  const names = home
    ? [...new Set([...home.querySelectorAll("tr.head")].map(nameOf))].filter((name) => name && !name.includes(","))
    : [];
  if (names.length > 1) {
    for (const table of tables) table.grouped = rowsOf(table).some((row) => isHead(row) && names.includes(nameOf(row)));
    const select = made("select", { id: "groups" }, made("option", { value: "", textContent: "all attributes" }));
    select.append(...names.map((name) => made("option", { value: name, textContent: name })));
    const pick = made("p", { className: "picker" }, made("label", { htmlFor: "groups" }, "Show groups of "), select);
    home.querySelector("h2").after(pick);
    select.addEventListener("change", () => {
      state.attribute = select.value;
      let count = 0;
      for (const table of tables) if (table.grouped) count += show(table)[0];
      for (const part of document.querySelectorAll("svg g[data-group]"))
        part.classList.toggle("aside", Boolean(state.attribute) && part.dataset.group !== state.attribute);
      say(`${select.value || "All attributes"}: ${count} rows shown.`);
    });
  }

  /* Where each number lies in the evidence: on pointing at it, or all of them at once. */
  for (const place of document.querySelectorAll("span[data-address]")) place.title = place.dataset.address;
  const bar = document.querySelector(".running");
  if (bar) {
    const button = made("button", { type: "button", className: "addresses", textContent: "Show addresses" });
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const on = document.body.classList.toggle("addressed");
      button.setAttribute("aria-pressed", String(on));
      say(on ? "Each number is followed by its address in the evidence." : "Addresses hidden.");
    });
    bar.append(button);
  }

  /* What scrolls sideways can be reached by keyboard. */
  const reach = () => {
    for (const box of document.querySelectorAll(".tabled, .protocol-text, figure")) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      if (!scrolls) { box.removeAttribute("tabindex"); box.removeAttribute("role"); box.removeAttribute("aria-label"); continue; }
      const heading = box.closest("section")?.querySelector("h2");
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", `${heading ? plain(heading) : "Table"} (scrolls), ${box.id || box.querySelector("svg")?.dataset.figure || "part"}`);
    }
  };
  reach();
  addEventListener("resize", reach);
})();
