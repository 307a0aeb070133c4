// Adds the household's readings to its page as they come. Nothing is kept and nothing is sent; without it the page is loaded again.
"use strict";
const MOST_ROWS = 200;
const place = document.querySelector("[data-live]");
const said = place && place.querySelector("[data-said]");
const latest = new Map();

function cell(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = kind;
  return made;
}

function add(section, [at, time, value]) {
  const key = section.dataset.series;
  if (at <= (latest.get(key) || 0)) return;
  latest.set(key, at);
  section.querySelector("[data-latest]").textContent = value;
  section.querySelector("[data-when]").textContent = time;
  const rows = section.querySelector("[data-rows]");
  const row = document.createElement("tr");
  const when = cell("th", time, "num");
  when.scope = "row";
  row.append(when, cell("td", value, "n"));
  rows.prepend(row);
  while (rows.rows.length > MOST_ROWS) rows.deleteRow(-1);
}

function begin() {
  const source = new EventSource(place.dataset.live);
  const end = (words) => {
    source.close();
    said.textContent = words;
  };
  source.addEventListener("open", () => { said.textContent = place.dataset.on; });
  source.addEventListener("readings", (event) => {
    const found = JSON.parse(event.data);
    for (const section of document.querySelectorAll("[data-series]")) {
      if (!section.querySelector("[data-rows]")) continue;
      for (const reading of found[section.dataset.series] || []) add(section, reading);
    }
  });
  source.addEventListener("end", () => end(place.dataset.ended));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) end(place.dataset.full);
  });
  addEventListener("pagehide", () => source.close());
}

if (place && "EventSource" in window) begin();
