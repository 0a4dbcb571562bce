// An opened row of the log: what was sent and what came back, exactly.

class LogDetail {
  constructor(kernel, close) {
    this.kernel = kernel;
    this.line = new StatusLine();
    this.content = h("div", { class: "chatnb-log-detail-content" });
    this.loading = button("Load into the panel", () => this.load(), {
      title: "Brings back its parameters, its model and its prompt",
    });
    const buttons = h(
      "div",
      { class: "chatnb-toolbar-row" },
      this.loading,
      button("Close", close),
      this.line.element,
    );
    const inner = h(
      "div",
      { class: "chatnb-log-detail", role: "group", "aria-label": "The opened exchange" },
      buttons,
      this.content,
    );
    this.cell = h("td", {}, inner);
    this.row = h("tr", { class: "chatnb-log-detail-row" }, this.cell);
  }

  // As wide as the columns that are shown: more would make room for columns that are not.
  span(heads) {
    this.cell.colSpan = heads.filter((head) => head.offsetWidth > 0).length || heads.length;
  }

  wait() {
    this.id = null;
    this.loading.disabled = true;
    this.line.say("");
    this.content.replaceChildren(h("p", { class: "chatnb-log-quiet" }, "Reading the log …"));
  }

  show({ id, line, facts, error, detail, request, response }) {
    if (line) {
      this.content.replaceChildren(h("p", { class: "chatnb-log-error" }, line));
      return;
    }
    this.id = id;
    this.loading.disabled = false;
    this.content.replaceChildren(
      ...(error ? [this.error(error, detail)] : []),
      this.facts(facts),
      h(
        "div",
        { class: "chatnb-log-bodies" },
        this.block("Request", request),
        this.block("Response", response),
      ),
    );
  }

  error(error, detail) {
    const more = detail && detail !== error
      ? h("details", {}, h("summary", {}, "Details"), h("pre", { tabindex: "0", "aria-label": "Error details" }, detail))
      : null;
    return h("div", { class: "chatnb-log-failure" }, h("span", { class: "chatnb-log-error" }, `Error: ${error}`), more);
  }

  facts(facts) {
    const shown = facts.map(([name, value]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, name === "started" ? new Date(value).toLocaleString() : value)),
    );
    return h("dl", { class: "chatnb-log-facts" }, ...shown);
  }

  block(title, text) {
    const copy = button("Copy", () => this.copy(title, text), { "aria-label": `Copy the ${title.toLowerCase()}` });
    const shown = text === null
      ? h("p", { class: "chatnb-log-quiet" }, "Nothing has come.")
      : h("pre", { class: "chatnb-log-json", tabindex: "0", "aria-label": `${title} as JSON` }, ...logJson(text));
    return h(
      "section",
      { class: "chatnb-log-body", "aria-label": title },
      h("div", { class: "chatnb-log-body-head" }, h("strong", {}, title), text === null ? null : copy),
      shown,
    );
  }

  async copy(title, text) {
    const copied = await copyText(text);
    this.line.say(copied ? `${title} copied.` : "The browser does not let it be copied: select it by hand.");
  }

  async load() {
    const { ok, line } = await this.kernel.ask("load", { id: this.id });
    ok ? this.line.say(line ?? "Loaded: the chat page has it.") : this.line.complain(line);
  }
}

const LOG_JSON_NAME = /^( *)("(?:[^"\\]|\\.)*")(?=:)/gm;

// JSON with its names set apart; a long one stays one text, since each name is an element.
function logJson(text) {
  const pieces = [];
  let end = 0;
  if (text.length < 60000) {
    for (const match of text.matchAll(LOG_JSON_NAME)) {
      const start = match.index + match[1].length;
      pieces.push(text.slice(end, start), h("span", { class: "chatnb-log-name" }, match[2]));
      end = start + match[2].length;
    }
  }
  return [...pieces, text.slice(end)];
}
