"use strict";
(() => {
  // Everything foreign is put in as text, never as HTML: see el().
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const CHUNK = 120; // rows drawn at a time: two thousand at once are felt
  const MOST_TOKENS = 600; // of a text whose words are compared

  function el(tag, props, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props || {})) {
      if (name === "class") node.className = value;
      else if (name === "on") for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }
  const say = (text) => { byId("said").textContent = text; };

  /* Colours: as the system, until somebody says otherwise. */
  const THEMES = { auto: ["◐", "as the system"], light: ["☀", "light"], dark: ["☾", "dark"] };
  function stored(value) {
    try { // a browser may forbid storage to files
      if (value === undefined) return localStorage.getItem("e2i-eval-theme");
      localStorage.setItem("e2i-eval-theme", value);
    } catch { /* then the choice lasts as long as the page */ }
    return null;
  }
  let theme = "auto";
  function wear(next) {
    theme = THEMES[next] ? next : "auto";
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    const [sign, words] = THEMES[theme];
    byId("theme").textContent = sign;
    byId("theme").setAttribute("aria-label", `Colours: ${words}`);
    byId("theme").title = `Colours: ${words} (t)`;
  }
  function nextTheme() {
    const names = Object.keys(THEMES);
    wear(names[(names.indexOf(theme) + 1) % names.length]);
    stored(theme);
    say(`Colours: ${THEMES[theme][1]}`);
  }
  wear(new URLSearchParams(location.search).get("theme") || stored() || "auto");
  byId("theme").addEventListener("click", nextTheme);
  byId("help").addEventListener("click", () => byId("keys").showModal());

  /* Copying: the clipboard where the page may use it, a selection where not. */
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const done = () => { button.textContent = "copied"; say("copied"); setTimeout(() => { button.textContent = "copy"; }, 1500); };
    const select = () => { const code = button.previousElementSibling; if (code) getSelection().selectAllChildren(code); };
    if (navigator.clipboard) navigator.clipboard.writeText(button.dataset.copy).then(done, select); else select();
  });

  /* Tables that sort. */
  function sortKey(row, column) {
    const cell = row.cells[column];
    if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
    const number = Number(cell.textContent.replace(/[,$%\s]/g, ""));
    return cell.classList.contains("num") ? (Number.isNaN(number) ? -Infinity : number) : cell.textContent.trim();
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = el("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") === "descending" || (!head.hasAttribute("aria-sort") && !head.classList.contains("num"));
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows].map((row) => [sortKey(row, column), row]);
        rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1));
        table.tBodies[0].append(...rows.map(([, row]) => row));
      });
    });
  }

  /* Numbers. */
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const ms = (value) => value === undefined ? "" : value >= 100 ? `${whole.format(value)} ms` : `${value.toFixed(value >= 1 ? 1 : 2)} ms`;
  const usd = (value) => value === undefined ? "unknown" : `$${value.toFixed(4)}`;
  const count = (value) => value === undefined ? "unknown" : whole.format(value);

  /* The difference of two texts (what had to be in <del>, what is instead in <ins>): words of a longest common subsequence (Hunt and McIlroy 1976), ends cut off first. */
  function split(text) { return text.match(/\w+|\s+|[^\w\s]/g) || []; }
  function difference(before, after) {
    const a = split(before), b = split(after);
    let start = 0, end = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start++;
    while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
    const x = a.slice(start, a.length - end), y = b.slice(start, b.length - end);
    const head = a.slice(0, start).join(""), tail = end ? a.slice(a.length - end).join("") : "";
    if (x.length > MOST_TOKENS || y.length > MOST_TOKENS) {
      return [[head, el("del", null, x.join("")), tail], [head, el("ins", null, y.join("")), tail]];
    }
    const rows = Array.from({ length: x.length + 1 }, () => new Uint16Array(y.length + 1));
    for (let i = x.length - 1; i >= 0; i--) for (let j = y.length - 1; j >= 0; j--) {
      rows[i][j] = x[i] === y[j] ? rows[i + 1][j + 1] + 1 : Math.max(rows[i + 1][j], rows[i][j + 1]);
    }
    const left = [head], right = [head];
    let i = 0, j = 0, gone = "", come = "";
    const flush = () => {
      if (gone) left.push(el("del", null, gone));
      if (come) right.push(el("ins", null, come));
      gone = come = "";
    };
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) { flush(); left.push(x[i]); right.push(y[j]); i++; j++; }
      else if (j >= y.length || (i < x.length && rows[i + 1][j] >= rows[i][j + 1])) gone += x[i++];
      else come += y[j++];
    }
    flush();
    return [[...left, tail], [...right, tail]];
  }

  /* One case. */
  const badge = (status, text) => el("span", { class: `badge ${status}` }, el("span", { class: "mark", "aria-hidden": "true" }, data.signs[status].text), text || data.signs[status].word);
  const pairs = (...rows) => el("dl", { class: "pairs" }, rows.filter(Boolean).map(([name, value]) => el("div", null, el("dt", null, name), el("dd", null, value))));
  const shownCase = (item) => item.repeat ? `${item.id} · repetition ${item.repeat + 1}` : item.id;

  function versus(finding) {
    const names = finding.call ? ["wire", "server"] : ["expected", "got"];
    const { expected, actual } = finding;
    if (expected === undefined && actual === undefined) return null;
    const nothing = () => [el("span", { class: "same" }, "nothing")];
    const sides = expected !== undefined && actual !== undefined ? difference(expected, actual) : [expected === undefined ? nothing() : [expected], actual === undefined ? nothing() : [actual]];
    return el("div", { class: "versus" }, sides.map((side, place) => el("div", null, el("div", { class: "label" }, names[place]), el("pre", { tabindex: "0" }, side))));
  }
  function finding(each) {
    const place = [each.call, each.field, each.span].filter(Boolean).join(" · ");
    return el("div", { class: "finding" }, el("div", { class: "place" }, place), el("div", { class: "message" }, each.message), versus(each), each.where && el("div", { class: "place" }, `at ${each.where}`));
  }
  function verdict(each) {
    const score = each.score === undefined ? null : el("span", { class: "soft" }, `${(Math.floor(each.score * 1000) / 10).toString()} %`);
    return el("div", { class: `check ${each.status}` },
      el("div", { class: "line" }, badge(each.status), el("b", null, each.check), score),
      el("div", { class: "finding-reason message" }, each.reason),
      (each.findings || []).map(finding),
      each.more && el("p", { class: "soft" }, `and ${whole.format(each.more)} more in report.json`));
  }
  function call(each) {
    const wrong = each.fields.filter((field) => field[3] !== "agrees").length;
    const state = each.note ? badge("fail", each.note) : wrong ? badge("fail", `${wrong} of ${each.fields.length} fields disagree`) : badge("pass", `${each.fields.length} fields agree`);
    const cell = (text, same) => same ? el("td", null, el("span", { class: "same" }, same)) : el("td", null, text === null ? el("span", { class: "same" }, "nothing") : el("span", { class: "clip", title: text }, text));
    const outcome = { differs: "≠ ", missing: "✗ ", unsent: "✗ ", agrees: "" };
    const rows = each.fields.map(([name, wire, server, how]) => el("tr", { class: how }, el("th", { scope: "row" }, outcome[how] + name),
      cell(wire, wire === null && how === "agrees" ? "reported" : ""), cell(server, server === null && how === "agrees" ? "the same" : "")));
    const table = rows.length ? el("table", null, el("thead", null, el("tr", null, ["field", "on the wire", "on the server"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", null, rows)) : null;
    return el("div", { class: "call" }, el("div", { class: "title" }, el("b", null, each.call || "no call"), el("span", { class: "soft" }, each.span || "no span"), state), table);
  }
  function prompt(each, place) {
    const facts = [`call ${place + 1}`, each.node, each.model, `${count(each.input ?? undefined)} tokens in`, `${count(each.output ?? undefined)} out`,
      each.cache_read ? `${count(each.cache_read)} from cache` : "", each.requests > 1 ? `${each.requests} requests` : "", each.tools.length ? `tools: ${each.tools.join(", ")}` : "", each.stop].filter(Boolean).join(" · ");
    return el("details", { class: "prompt" }, el("summary", null, facts), el("pre", { tabindex: "0" }, each.prompt.map((line) => data.texts[line]).join("\n")));
  }
  function path(nodes) {
    return el("div", { class: "path" }, nodes.map((node, place) => [place ? el("i", { "aria-hidden": "true" }, "→") : null, el("span", null, node)]));
  }
  function behaviour(seen) {
    if (!seen) return [];
    const loops = seen.loops.map(([name, times]) => `${name} ran ${times} times`).join(", ");
    return [
      seen.nodes.length ? [el("h4", null, "Nodes"), path(seen.nodes), loops && el("p", { class: "soft" }, loops)] : null,
      seen.error && el("p", null, badge("error", "raised"), " ", el("code", null, seen.error)),
      seen.calls.length ? [el("h4", null, "What Claude was asked"), seen.calls.map(prompt)] : null,
    ];
  }
  function server(item) {
    if (!item.run && !item.traces.length) return [];
    const { runs, hint } = data.links;
    const run = item.run && runs ? el("a", { href: `${runs}${encodeURIComponent(item.run)}/traces`, rel: "noreferrer" }, "run and traces in MLflow") : null;
    return [el("h4", null, "On the server"), run && el("p", null, run, hint ? el("span", { class: "soft" }, ` ${hint}`) : null),
      el("p", { class: "ids soft" }, [item.run && `run ${item.run}`, ...item.traces.map((id) => `trace ${id}`)].filter(Boolean).join(" · "))];
  }
  function drawCase(item) {
    const wrong = item.verdicts.filter((each) => each.status === "fail").concat(item.verdicts.filter((each) => each.status === "error"));
    const fine = item.verdicts.filter((each) => !wrong.includes(each));
    const m = item.measured;
    return el("article", { class: "case", tabindex: "-1", "aria-label": shownCase(item) },
      el("header", null,
        el("div", { class: "top" }, badge(item.status), el("span", { class: "soft" }, item.where), el("button", { type: "button", class: "button close", on: { click: closeCase } }, "Close")),
        el("h3", null, shownCase(item)),
        el("span", { class: "command" }, el("code", null, item.rerun), el("button", { type: "button", class: "copy", "data-copy": item.rerun }, "copy")),
        pairs(["waited", ms(m.latency_ms) || "unknown"], ["calls", count(m.claude_calls)], ["tokens in / out", `${count(m.input_tokens)} / ${count(m.output_tokens)}`], ["cost", usd(m.cost_usd)], m.flush_ms !== undefined && ["sent after", ms(m.flush_ms)])),
      item.trimmed && el("p", { class: "soft" }, "Only the outline of this case is here, to keep this file small; report.json holds all of it."),
      el("div", { class: "verdicts" }, wrong.map(verdict)),
      fine.length ? [el("h4", null, "Checks that found nothing wrong"), el("ul", { class: "good" }, fine.map((each) => el("li", null, el("span", { class: `mark ${each.status}`, title: data.signs[each.status].word }, data.signs[each.status].text), el("span", null, el("b", null, each.check), " ", el("span", { class: "soft" }, each.reason)))))] : null,
      item.calls ? [el("h4", null, "Wire beside trace"), item.calls.map(call)] : null,
      behaviour(item.behaviour), server(item));
  }

  /* The list. */
  if (!data.cases) { // a comparison: it has tables alone
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
      if (event.key === "t") nextTheme(); else if (event.key === "?") byId("keys").showModal();
    });
    return;
  }
  const cases = data.cases.map((item, place) => ({
    item, place, key: item.repeat ? `${item.id}~${item.repeat}` : item.id,
    text: [item.id, item.target, item.status, data.signs[item.status].word, ...item.verdicts.flatMap((each) => [each.check, each.status === "pass" ? "" : each.reason, ...(each.findings || []).map((one) => `${one.field} ${one.message}`)])].join("\n").toLowerCase(),
  }));
  const byKey = new Map(cases.map((each) => [each.key, each]));
  const URGENCY = { fail: 0, error: 1, pass: 2 };
  const name = (a, b) => (a.item.id < b.item.id ? -1 : a.item.id > b.item.id ? 1 : a.item.repeat - b.item.repeat);
  const most = (measure) => (a, b) => (b.item.measured[measure] ?? -1) - (a.item.measured[measure] ?? -1) || name(a, b);
  const ORDERS = {
    "worst first": (a, b) => URGENCY[a.item.status] - URGENCY[b.item.status] || name(a, b),
    "by name": name, "slowest first": most("latency_ms"), "most tokens first": most("input_tokens"), "dearest first": most("cost_usd"),
    "as they ran": (a, b) => a.place - b.place,
  };
  const state = { query: "", status: "all", target: "", order: "worst first", shown: [], drawn: 0, open: null };
  const list = byId("list"), pane = byId("pane"), wide = matchMedia("(min-width: 901px)");
  const sentinel = el("li", { class: "more", "aria-hidden": "true" });
  const watcher = "IntersectionObserver" in window ? new IntersectionObserver((seen) => { if (seen.some((each) => each.isIntersecting)) draw(CHUNK); }, { rootMargin: "600px" }) : null;

  function row(each) {
    const { item } = each;
    const first = item.verdicts.find((one) => one.status === item.status && item.status !== "pass");
    const link = el("a", { href: `#case/${encodeURI(each.key)}`, "data-key": each.key, "aria-current": state.open === each.key ? "true" : null },
      el("span", { class: `mark ${item.status}`, "aria-hidden": "true" }, data.signs[item.status].text),
      el("span", { class: "name" }, el("span", { class: "unseen" }, `${data.signs[item.status].word}: `), shownCase(item)),
      el("span", { class: "ms" }, ms(item.measured.latency_ms)),
      first ? el("span", { class: "of" }, `${first.check}: ${first.reason}`) : null);
    return el("li", null, link);
  }
  function draw(amount) {
    const next = state.shown.slice(state.drawn, state.drawn + amount);
    state.drawn += next.length;
    sentinel.before(...next.map(row));
    if (watcher && state.drawn >= state.shown.length) watcher.unobserve(sentinel);
  }
  function filter() {
    const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
    state.shown = cases.filter((each) => (state.status === "all" || each.item.status === state.status) && (!state.target || each.item.target === state.target) && words.every((word) => each.text.includes(word)));
    state.shown.sort(ORDERS[state.order]);
    state.drawn = 0;
    list.replaceChildren(sentinel);
    if (!state.shown.length) sentinel.before(el("li", { class: "none" }, cases.length ? "No case fits. Esc clears the search." : "No case was evaluated."));
    draw(watcher ? CHUNK : Infinity);
    if (watcher && state.drawn < state.shown.length) watcher.observe(sentinel);
    const trimmed = data.trimmed ? ` · details of ${whole.format(data.trimmed)} are in report.json only` : "";
    byId("count").textContent = `${whole.format(state.shown.length)} of ${whole.format(cases.length)} cases${trimmed}`;
    place();
  }
  const linkOf = (key) => [...list.querySelectorAll("a[data-key]")].find((link) => link.dataset.key === key);
  function reveal(key) {
    const at = state.shown.findIndex((each) => each.key === key);
    if (at >= state.drawn) draw(at - state.drawn + CHUNK);
    return at < 0 ? null : linkOf(key);
  }
  /* Put the open case where there is room: beside the list, or below its row. */
  function place() {
    for (const inner of list.querySelectorAll(".pane-in")) inner.remove();
    for (const link of list.querySelectorAll("a[aria-current]")) link.removeAttribute("aria-current");
    const opened = byKey.get(state.open);
    if (!opened) { pane.replaceChildren(el("p", { class: "nothing" }, "Choose a case: click, or press j.")); return; }
    const link = reveal(state.open), article = drawCase(opened.item);
    if (link) link.setAttribute("aria-current", "true");
    if (wide.matches || !link) pane.replaceChildren(article);
    else { pane.replaceChildren(); link.after(el("div", { class: "pane-in" }, article)); }
  }
  function openCase(key, { focus = false, scroll = true } = {}) {
    state.open = key;
    if (!state.shown.some((each) => each.key === key)) { Object.assign(state, { query: "", status: "all", target: "" }); sync(); filter(); } else place();
    const link = linkOf(key);
    if (link && scroll) {
      const top = byId("cases").getBoundingClientRect().top;
      if (wide.matches && (top > innerHeight * .5 || top < -byId("cases").offsetHeight)) byId("cases").scrollIntoView();
      link.scrollIntoView({ block: wide.matches ? "nearest" : "start" });
    }
    if (link && focus) link.focus({ preventScroll: true });
  }
  function closeCase() {
    const link = linkOf(state.open);
    state.open = null;
    history.replaceState(null, "", `${location.pathname}${location.search}#cases`);
    place();
    if (link) link.focus({ preventScroll: true });
  }
  function step(by, fits) {
    const at = state.shown.findIndex((each) => each.key === state.open);
    for (let next = at < 0 ? (by > 0 ? 0 : state.shown.length - 1) : at + by; next >= 0 && next < state.shown.length; next += by) {
      if (fits && !fits(state.shown[next].item)) continue;
      const { key } = state.shown[next];
      reveal(key);
      history.replaceState(null, "", `${location.pathname}${location.search}#case/${encodeURI(key)}`);
      openCase(key, { focus: true });
      return;
    }
    say("no more cases");
  }
  function follow() {
    let hash = location.hash.slice(1);
    try { hash = decodeURIComponent(hash); } catch { /* a percent sign that means itself */ }
    if (hash.startsWith("case/")) {
      const key = hash.slice(5);
      if (byKey.has(key)) openCase(key); else { byId("count").textContent = `There is no case ${key} in this report.`; byId("cases").scrollIntoView(); }
    } else if (hash.startsWith("target/")) {
      Object.assign(state, { target: hash.slice(7), status: "all", query: "" });
      sync(); filter(); byId("cases").scrollIntoView();
    }
  }

  /* What filters. */
  const statuses = ["all", "fail", "error", "pass"];
  const tally = (status) => status === "all" ? cases.length : cases.filter((each) => each.item.status === status).length;
  byId("statuses").append(...statuses.map((status) => el("button", { type: "button", "data-status": status, on: { click: () => { state.status = status; sync(); filter(); } } }, `${status === "all" ? "all" : `${data.signs[status].text} ${data.signs[status].word}`} ${whole.format(tally(status))}`)));
  const targets = [...new Set(cases.map((each) => each.item.target))].sort();
  byId("target").append(el("option", { value: "" }, "all targets"), ...targets.map((target) => el("option", { value: target }, target)));
  byId("order").append(...Object.keys(ORDERS).map((order) => el("option", { value: order }, order)));
  function sync() {
    byId("query").value = state.query;
    byId("target").value = state.target;
    byId("order").value = state.order;
    for (const button of byId("statuses").children) button.setAttribute("aria-pressed", String(button.dataset.status === state.status));
  }
  byId("query").addEventListener("input", (event) => { state.query = event.target.value; filter(); });
  byId("target").addEventListener("change", (event) => { state.target = event.target.value; filter(); });
  byId("order").addEventListener("change", (event) => { state.order = event.target.value; filter(); });
  list.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-key]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (state.open === link.dataset.key && !wide.matches) { closeCase(); return; }
    history.replaceState(null, "", `${location.pathname}${location.search}${link.getAttribute("href")}`);
    openCase(link.dataset.key, { scroll: !wide.matches });
  });
  wide.addEventListener("change", place);
  addEventListener("hashchange", follow);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "Escape") {
      if (typing && state.query) { state.query = ""; sync(); filter(); } else if (typing) typing.blur(); else if (state.open) closeCase(); else if (state.query) { state.query = ""; sync(); filter(); }
      return;
    }
    if (typing) { if (event.key === "Enter" && event.target.id === "query" && state.shown.length) { event.target.blur(); step(1); } return; }
    const keys = {
      "/": () => { byId("cases").scrollIntoView(); byId("query").focus(); byId("query").select(); },
      j: () => step(1), k: () => step(-1), n: () => step(1, (item) => item.status !== "pass"),
      t: nextTheme, "?": () => byId("keys").showModal(),
      Enter: () => { if (state.open && !event.target.closest("a, button, summary")) { const article = document.querySelector("article.case"); if (article) { article.focus(); article.scrollIntoView({ block: "start" }); } } else return false; },
    };
    if (Object.hasOwn(keys, event.key) && keys[event.key]() !== false) event.preventDefault();
  });

  /* On paper: every row, and below each case that did not pass what is wrong with it. */
  addEventListener("beforeprint", () => {
    draw(Infinity);
    for (const inner of list.querySelectorAll(".pane-in")) inner.remove();
    for (const each of state.shown.filter((one) => one.item.status !== "pass").slice(0, 100)) linkOf(each.key).after(el("div", { class: "pane-in" }, drawCase(each.item)));
  });
  addEventListener("afterprint", filter);

  byId("browser").hidden = false;
  sync();
  filter();
  follow();
  if (!state.open && wide.matches && state.shown.length) { state.open = state.shown[0].key; place(); }
})();
