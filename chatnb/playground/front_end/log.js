// The log page: the exchanges of this kernel as a table that sorts and filters, newest first.

const LOG_ROWS = 200; // rows of the table at first, and with each "Show more"
const LOG_FAILED = new Set(["error", "partial", "empty", "lost"]);

// name, title, how a row's cell is filled, and what it is sorted by where that is not its text
const LOG_COLUMNS = [
  { name: "started", title: "Time", text: (row, log) => log.time(row) },
  { name: "source", title: "Source" },
  { name: "conversation", title: "Conversation" },
  { name: "model", title: "Model" },
  { name: "status", title: "Status" },
  { name: "prompt", title: "Prompt" },
  { name: "reply", title: "Reply" },
  { name: "total_tokens", title: "Tokens", number: true, text: (row) => logTokens(row) },
  { name: "cost", title: "Cost", number: true, text: (row) => logCost(row.cost) },
  { name: "seconds", title: "Seconds", number: true, text: (row) => logSeconds(row.seconds) },
];

class LogPage {
  constructor(kernel) {
    this.kernel = kernel;
    this.rows = new Map();
    this.opened = null;
    this.sorted = { name: "started", down: true };
    this.most = LOG_ROWS;
    this.status = new StatusLine();
    this.totals = h("p", { class: "chatnb-log-totals" });
    this.count = h("span", { class: "chatnb-log-count", role: "status" });
    this.plot = new LogPlot();
    this.detail = new LogDetail(kernel, () => this.close());
    this.body = h("tbody", { onkeydown: (event) => this.key(event) });
    this.more = h("div", { class: "chatnb-log-more" });
    this.area = h(
      "div",
      { class: "chatnb-log-area", tabindex: "0", role: "region", "aria-label": "Exchanges" },
      this.table(),
      this.more,
    );
    // Where the panel is narrow, columns are left out.
    this.watch = new ResizeObserver(() => this.detail.span(this.heads));
    this.watch.observe(this.area);
    this.element = h(
      "div",
      { class: "chatnb-log" },
      this.totals,
      this.plot.element,
      this.tools(),
      h("div", { class: "chatnb-log-line" }, this.count, this.status.element),
      this.area,
    );
    this.show();
  }

  tools() {
    const changed = () => {
      this.most = LOG_ROWS;
      this.show();
    };
    this.filter = h("input", {
      type: "search", class: "chatnb-input chatnb-log-filter", "aria-label": "Filter",
      placeholder: "Filter: any text of a row", oninput: changed,
    });
    this.choice = h("select", {
      class: "chatnb-select", "aria-label": "Status", onchange: changed,
    }, h("option", { value: "" }, "every status"));
    const exports = [["csv", "CSV"], ["jsonl", "JSONL"], ["parquet", "Parquet"]].map(
      ([format, title]) =>
        button(title, () => this.export(format), { "aria-label": `Export as ${title}` }),
    );
    return h(
      "div",
      { class: "chatnb-log-tools" },
      this.filter,
      this.choice,
      h(
        "span",
        { class: "chatnb-log-exports", role: "group", "aria-label": "Export" },
        h("span", { class: "chatnb-log-quiet" }, "Export"),
        ...exports,
      ),
    );
  }

  table() {
    this.heads = LOG_COLUMNS.map((column) => this.head(column));
    const caption = h("caption", { class: "chatnb-hidden-text" }, "Exchanges of this kernel");
    return h(
      "table",
      { class: "chatnb-log-table" },
      caption,
      h("thead", {}, h("tr", {}, ...this.heads)),
      this.body,
    );
  }

  head({ name, title, number }) {
    const sort = h(
      "button",
      { type: "button", class: "chatnb-log-sort", onclick: () => this.sort(name) },
      title,
      h("span", { class: "chatnb-log-arrow", "aria-hidden": "true" }),
    );
    return h("th", { scope: "col", class: logClass(name, number) }, sort);
  }

  sort(name) {
    const same = this.sorted.name === name;
    const falling = name === "started" || LOG_COLUMNS.some((each) => each.name === name && each.number);
    this.sorted = { name, down: same ? !this.sorted.down : falling };
    this.show();
  }

  // Rows below 0 are not on the disk yet: each event has all of them.
  onLog({ all, rows, totals, earlier }) {
    for (const id of all ? [...this.rows.keys()] : [...this.rows.keys()].filter((each) => each < 0)) {
      this.rows.delete(id);
    }
    for (const row of rows) {
      this.rows.set(row.id, logRow(row));
    }
    this.totals.textContent = `This kernel: ${totals}`;
    this.earlier = all ? earlier : this.earlier;
    this.offerStatuses();
    this.show();
  }

  onLogRow(event) {
    if (event.id === this.opened) {
      this.detail.show(event);
      this.reveal();
    }
  }

  // The opened row goes below the head of the table, if what belongs to it does not fit.
  reveal() {
    const line = this.body.querySelector(".chatnb-log-open");
    const end = this.detail.row.offsetTop + this.detail.row.offsetHeight;
    if (line && end > this.area.scrollTop + this.area.clientHeight) {
      this.area.scrollTop = line.offsetTop - this.heads[0].offsetHeight;
    }
  }

  offerStatuses() {
    const chosen = this.choice.value;
    const counts = new Map();
    for (const { status } of this.rows.values()) {
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
    const options = [...counts].sort().map(([name, count]) =>
      h("option", { value: name }, `${name} (${count})`),
    );
    this.choice.replaceChildren(h("option", { value: "" }, "every status"), ...options);
    this.choice.value = counts.has(chosen) ? chosen : "";
  }

  // What filter and status leave over, in the order of the chosen column.
  chosen() {
    const text = this.filter.value.trim().toLowerCase();
    const status = this.choice.value;
    const { name, down } = this.sorted;
    const sign = down ? -1 : 1;
    return [...this.rows.values()]
      .filter((row) => (!status || row.status === status) && row.found.includes(text))
      .sort((a, b) => logCompared(a, b, name, sign) || b.at - a.at || b.id - a.id);
  }

  show() {
    const rows = this.chosen();
    const shown = rows.slice(0, this.most);
    this.days = new Set(shown.map((row) => row.day)).size;
    const focused = this.body.contains(document.activeElement) && document.activeElement.dataset.id;
    this.body.replaceChildren(...shown.flatMap((row) => this.tableRows(row)));
    this.body.querySelector("button")?.setAttribute("tabindex", "0");
    if (focused) {
      this.body.querySelector(`button[data-id="${focused}"]`)?.focus();
    }
    this.showHeads();
    this.showRest(rows.length);
    this.plot.show(rows);
  }

  showHeads() {
    this.heads.forEach((head, at) => {
      const sorted = LOG_COLUMNS[at].name === this.sorted.name;
      head.toggleAttribute("aria-sort", sorted);
      if (sorted) {
        head.setAttribute("aria-sort", this.sorted.down ? "descending" : "ascending");
      }
    });
  }

  showRest(count) {
    const rest = count - this.most;
    const all = this.rows.size;
    if (this.earlier === undefined) {
      this.more.replaceChildren("Reading the log …");
      return;
    }
    this.count.textContent = count === all ? `${all} listed` : `${count} of ${all} listed`;
    this.more.replaceChildren();
    if (!all) {
      this.more.append("No requests yet: ask something in the chat, and it appears here.");
    } else if (!count) {
      this.more.append("No row fits the filter.");
    } else if (rest > 0) {
      this.more.append(button(`Show ${Math.min(rest, LOG_ROWS)} more`, () => {
        this.most += LOG_ROWS;
        this.show();
      }));
    } else if (this.earlier) {
      this.more.append(`${this.earlier.toLocaleString("en")} earlier: an export and chatnb.log() have them.`);
    }
  }

  tableRows(row) {
    const isOpen = row.id === this.opened;
    const cells = LOG_COLUMNS.map((column) => this.cell(row, column, isOpen));
    const failed = LOG_FAILED.has(row.status) ? " chatnb-log-failed" : "";
    const line = h(
      "tr",
      {
        class: `chatnb-log-row${failed}${isOpen ? " chatnb-log-open" : ""}`,
        onclick: () => window.getSelection().isCollapsed && this.toggle(row.id),
      },
      ...cells,
    );
    return isOpen ? [line, this.detail.row] : [line];
  }

  cell(row, { name, number, text }, isOpen) {
    const shown = text ? text(row, this) : row[name] ?? "";
    const place = { class: logClass(name, number) };
    if (name === "started") {
      return h("td", place, h("button", {
        type: "button", class: "chatnb-log-toggle", tabindex: "-1", "data-id": row.id,
        "aria-expanded": String(isOpen), title: new Date(row.at).toLocaleString(),
        "aria-label": `Exchange at ${shown}, ${row.status}`,
        onclick: (event) => {
          event.stopPropagation();
          this.toggle(row.id);
        },
      }, shown));
    }
    if (name === "status") {
      const mark = LOG_FAILED.has(row.status) ? "✕ " : "";
      return h("td", place, h("span", { class: "chatnb-log-status" }, `${mark}${shown}`));
    }
    const error = name === "reply" && row.error
      ? h("span", { class: "chatnb-log-error" }, shown ? ` · ${row.error}` : row.error)
      : null;
    return h("td", place, h("div", { class: "chatnb-log-text" }, shown, error));
  }

  time(row) {
    return this.days > 1 ? `${row.day} ${row.clock.slice(0, 5)}` : row.clock;
  }

  toggle(id) {
    this.opened = this.opened === id ? null : id;
    if (this.opened !== null) {
      this.detail.wait();
      this.detail.span(this.heads);
      this.kernel.tell({ do: "log_row", id });
    }
    this.show();
    this.body.querySelector(`button[data-id="${id}"]`)?.focus();
  }

  close() {
    this.toggle(this.opened);
  }

  // One row is in the tab order; arrows move between them.
  key(event) {
    const toggles = [...this.body.querySelectorAll(".chatnb-log-toggle")];
    const at = toggles.indexOf(event.target);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: toggles.length - 1 }[event.key];
    if (at >= 0 && toggles[next]) {
      event.preventDefault();
      toggles.forEach((toggle) => toggle.setAttribute("tabindex", "-1"));
      toggles[next].setAttribute("tabindex", "0");
      toggles[next].focus();
    } else if (event.key === "Escape" && this.opened !== null) {
      this.close();
    }
  }

  async export(format) {
    this.status.say("Writing …");
    const { ok, line } = await this.kernel.ask("export", { format });
    ok ? this.status.say(line) : this.status.complain(line);
  }
}
