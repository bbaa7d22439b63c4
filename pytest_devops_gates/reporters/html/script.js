"use strict";
// Filters, sorts and pages the findings. All text goes in by textContent: none of it is ever markup.
(() => {
  const table = document.getElementById("table");
  if (!table) return;
  const data = JSON.parse(document.getElementById("data").textContent);
  const [GATE, SEVERITY, STATE, RULE, PATH, LINE, COLUMN, MESSAGE, ID] = data.rows[0].keys();
  const body = table.tBodies[0];
  const status = document.getElementById("shown");
  const more = document.getElementById("more");
  const field = (name) => document.getElementById("filter-" + name);
  const place = (row) => {
    const path = data.paths[row[PATH]];
    return path && row[LINE] ? path + ":" + row[LINE] + (row[COLUMN] ? ":" + row[COLUMN] : "") : path;
  };
  const haystack = data.rows.map((row) =>
    [place(row), data.gates[row[GATE]][0], data.rules[row[RULE]], row[MESSAGE], row[ID]].join("\n").toLowerCase());
  const stages = [...field("stage").options].map((option) => option.value);  // in the loop's order
  const keys = {
    severity: (row) => row[SEVERITY],
    gate: (row) => data.gates[row[GATE]][0],
    stage: (row) => stages.indexOf(data.gates[row[GATE]][1]),
    rule: (row) => data.rules[row[RULE]],
    file: (row) => data.paths[row[PATH]],
    state: (row) => row[STATE],
  };
  let order = data.rows.map((_, at) => at);
  let found = order;
  let limit = data.page;

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const cell = (content, className) => {
    const made = element("td", "", className);
    made.append(content);
    return made;
  };
  const rule = (row) => {
    const name = data.rules[row[RULE]];
    const uri = data.uris[row[RULE]];
    if (!uri) return name;
    const link = element("a", name);
    link.href = uri;
    link.rel = "noreferrer noopener";
    return link;
  };
  const line = (at) => {
    const row = data.rows[at];
    const severity = data.severities[row[SEVERITY]];
    const made = element("tr");
    made.append(
      cell(element("span", severity, "severity " + severity)),
      cell(data.gates[row[GATE]][0]),
      cell(rule(row)),
      cell(place(row), "file"),
      cell(row[MESSAGE], "prose"),
      cell(data.states[row[STATE]]),
      cell(element("code", row[ID])),
      cell(data.gates[row[GATE]][1]),
    );
    return made;
  };
  const draw = () => {
    const shown = found.slice(0, limit);
    body.replaceChildren(...shown.map(line));
    status.textContent = shown.length + " of " + found.length + " findings" +
      (found.length < data.rows.length ? " that fit, of " + data.rows.length : "") + ".";
    more.hidden = shown.length === found.length;
  };
  const filter = () => {
    const text = field("text").value.trim().toLowerCase();
    const stage = field("stage").value, gate = field("gate").value;
    const severity = data.severities.indexOf(field("severity").value);
    const state = data.states.indexOf(field("state").value);
    found = order.filter((at) => {
      const row = data.rows[at];
      const [name, of] = data.gates[row[GATE]];
      return (!text || haystack[at].includes(text)) && (!stage || of === stage) && (!gate || name === gate) &&
        (severity < 0 || row[SEVERITY] === severity) && (state < 0 || row[STATE] === state);
    });
    limit = data.page;
    draw();
  };
  const sort = (heading) => {
    const descending = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const key = keys[heading.dataset.column];
    const sign = descending ? -1 : 1;
    const value = data.rows.map(key);
    order = data.rows.map((_, at) => at).sort((a, b) =>
      value[a] < value[b] ? -sign : value[a] > value[b] ? sign : a - b);
    filter();
  };

  for (const heading of table.tHead.rows[0].cells) {
    if (!heading.dataset.column) continue;
    const button = element("button", heading.textContent);
    button.type = "button";
    button.addEventListener("click", () => sort(heading));
    heading.replaceChildren(button);
  }
  const form = document.getElementById("filters");
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => { limit += data.page; draw(); });
  form.hidden = false;
  draw();
})();
