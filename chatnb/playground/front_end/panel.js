// The panel: its pages as tabs, the parameters beside them, and who gets which event.

const WIDE = 900; // pixels, as in panel.css

class Panel {
  constructor(model, signal) {
    this.kernel = new Kernel(model);
    this.model = model;
    this.where = h("span", { class: "chatnb-where" });
    this.totals = new Totals();
    this.form = new ParameterForm(this.kernel);
    this.toolbar = new Toolbar(this.kernel);
    this.transcript = new Transcript(this.kernel);
    this.composer = new Composer(this.kernel);
    this.pages = new Tabs(this.kernel, [
      ["chat", "Chat", this.chatPage()],
      ...PAGES.map(([name, title, make]) => [name, title, make(this.kernel)]),
    ], (page) => this.beside(page));
    this.element = h(
      "div",
      { class: "chatnb-panel", role: "region", "aria-label": "chatnb playground" },
      h("header", { class: "chatnb-header" }, h("strong", {}, "chatnb"), this.where),
      this.pages.element,
    );
    this.components = [
      this, this.kernel, this.totals, this.form, this.toolbar, this.toolbar.system,
      this.transcript, this.composer, ...this.pages.components,
    ];
    this.keepKeys(signal);
    this.follow(signal);
  }

  chatPage() {
    this.side = h(
      "details",
      { class: "chatnb-side" },
      h("summary", {}, "Parameters"),
      this.form.element,
    );
    const chat = h(
      "div",
      { class: "chatnb-chat" },
      this.toolbar.element,
      this.transcript.element,
      spendingLegend(),
      this.totals.element,
      this.composer.element,
    );
    return { element: h("div", { class: "chatnb-columns" }, chat, this.side) };
  }

  // The parameters stand beside the chat, and beside the code that follows them.
  beside(page) {
    page.querySelector(".chatnb-columns")?.append(this.side);
  }

  // Beside the chat the parameters are open; above it they would push it away.
  placed() {
    this.side.open = this.element.clientWidth >= WIDE;
  }

  // JupyterLab takes keys as they bubble up: Enter, arrows and Shift+Enter are the panel's own.
  keepKeys(signal) {
    const keep = (event) => {
      event.stopPropagation();
      if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.model.widget_manager?.context?.save();
      }
    };
    this.element.addEventListener("keydown", keep, { signal });
  }

  follow(signal) {
    const take = ({ events }) => events.forEach((event) => this.take(event));
    this.model.on("msg:custom", take);
    signal?.addEventListener("abort", () => this.model.off("msg:custom", take));
    this.model.on("comm_live_update", () => this.greet());
    this.greet();
  }

  // Without its kernel the panel makes room for the saved transcript below it.
  greet() {
    const alive = this.kernel.tell({ do: "hello" });
    this.element.className = alive ? "chatnb-panel" : "chatnb-gone";
  }

  take(event) {
    const name = `on${event.event.replace(/(^|_)(\w)/g, (_, __, letter) => letter.toUpperCase())}`;
    for (const component of this.components) {
      component[name]?.(event);
    }
  }

  onConnection({ described }) {
    this.where.textContent = described;
  }

  onPage({ name }) {
    this.pages.show(name);
  }
}

// Tabs as the ARIA pattern has them: arrows move, one of them is in the tab order.
class Tabs {
  constructor(kernel, pages, shown) {
    this.kernel = kernel;
    this.shown = shown;
    this.pages = new Map();
    this.components = pages.map(([, , page]) => page);
    this.list = h("div", { class: "chatnb-tabs", role: "tablist", "aria-label": "Pages" });
    this.element = h("div", { class: "chatnb-pages" }, this.list);
    for (const [name, title, page] of pages) {
      this.add(name, title, page.element);
    }
    this.show("chat");
  }

  add(name, title, content) {
    const id = `chatnb-${this.kernel.id}-${name}`;
    const tab = h("button", {
      type: "button", role: "tab", id: `${id}-tab`, "aria-controls": id, class: "chatnb-tab",
      onclick: () => this.choose(name), onkeydown: (event) => this.key(event),
    }, title);
    const page = h("div", {
      role: "tabpanel", id, "aria-labelledby": `${id}-tab`, class: `chatnb-page chatnb-page-${name}`,
    }, content);
    this.pages.set(name, { tab, page });
    this.list.append(tab);
    this.element.append(page);
  }

  choose(name) {
    this.show(name);
    this.kernel.tell({ do: "page", name });
  }

  show(name) {
    this.current = name;
    for (const [each, { tab, page }] of this.pages) {
      tab.setAttribute("aria-selected", String(each === name));
      tab.tabIndex = each === name ? 0 : -1;
      page.hidden = each !== name;
    }
    this.shown(this.pages.get(name).page);
  }

  key(event) {
    const names = [...this.pages.keys()];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      const next = names[(names.indexOf(this.current) + step + names.length) % names.length];
      this.choose(next);
      this.pages.get(next).tab.focus();
    }
  }
}
// What the last exchange and the whole session cost: two lines that are always there.
class Totals {
  constructor() {
    this.last = h("span");
    this.session = h("span");
    this.element = h("div", { class: "chatnb-totals" }, this.last, this.session);
  }

  onTotals({ last, session }) {
    this.last.textContent = last;
    this.session.textContent = session;
  }
}

// One call for each panel. What the kernel says before there is a view is kept for the first one:
// a view's own question may have to wait until a cell that runs has ended.
export default function playground() {
  let early = [];
  const docking = new Docking();
  const keep = ({ events }) => early?.push(...events);
  const draw = ({ model, el, signal }) => {
    const panel = new Panel(model, signal);
    early?.forEach((event) => panel.take(event));
    early = null;
    el.replaceChildren(panel.element);
    requestAnimationFrame(() => panel.placed());
  };
  return {
    initialize({ model }) {
      model.on("msg:custom", keep);
    },
    render(view) {
      view.model.get("docked") ? docking.place(view, draw) : draw(view);
    },
  };
}
