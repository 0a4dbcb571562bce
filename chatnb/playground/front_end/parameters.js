// The form of the request parameters: made from the kernel's definitions, in step with its values.

const SET_AT_MOST_EVERY_MS = 50;
const HELP_AFTER_MS = 350;

// What is to know about a parameter: its help, what it may be, what holds while it is unset.
function helpLines({ help, range, default: words, deprecated }) {
  return [
    help,
    `It is ${range}.${words ? ` Unset: ${words}.` : ""}`,
    ...(deprecated ? [`Deprecated: use ${deprecated}.`] : []),
  ];
}

class ParameterForm {
  constructor(kernel) {
    this.kernel = kernel;
    this.id = `chatnb-form-${Math.random().toString(36).slice(2)}`;
    this.controls = new Map();
    this.pending = {};
    this.seq = 0;
    this.sentAt = 0;
    this.bubble = new HelpBubble();
    kernel.settle = () => this.flush(); // a command must not overtake what was set before it
    this.presets = new PresetRow(kernel, this);
    this.groups = h("div");
    this.told = h("ul", { class: "chatnb-told" });
    this.element = h("div", { class: "chatnb-parameters" },
      this.presets.element,
      this.groups,
      // The last of all: what it says moves nothing.
      h("div", { role: "status", class: "chatnb-told-place" }, this.told),
      this.bubble.element);
  }

  // Told again for each new view: what is there stays, with the focus and with what is typed.
  onControls({ groups }) {
    const definitions = JSON.stringify(groups);
    if (definitions === this.definitions) {
      return;
    }
    this.definitions = definitions;
    this.controls.clear();
    this.badge = h("span", { class: "chatnb-badge" });
    const shown = this.columns(groups.filter((group) => !group.more));
    const folded = this.columns(groups.filter((group) => group.more));
    const summary = h("summary", {}, "More ", this.badge);
    const more = h("details", { class: "chatnb-more" }, summary, folded);
    this.groups.replaceChildren(shown, more);
  }

  // Two halves of about the same height: beside each other where there is room.
  columns(groups) {
    const height = { slider: 2, suggested: 2, json: 3, tags: 2, biases: 2 };
    const heights = groups.map(({ controls }) =>
      controls.reduce((sum, { control }) => sum + (height[control] ?? 1.2), 1));
    const half = heights.reduce((sum, each) => sum + each, 0) / 2;
    const columns = [h("div"), h("div")];
    let above = 0;
    groups.forEach((group, place) => {
      columns[above + heights[place] / 2 < half ? 0 : 1].append(this.group(group));
      above += heights[place];
    });
    return h("div", { class: "chatnb-groups" }, ...columns);
  }

  group({ title, controls, more }) {
    const made = controls.map((about) => {
      const control = new CONTROLS[about.control](this, about);
      control.more = more;
      this.controls.set(about.name, control);
      this.bubble.attach(control);
      return control.element;
    });
    const heading = h("div", { class: "chatnb-group-title", "aria-hidden": "true" }, title);
    const properties = { class: "chatnb-group", role: "group", "aria-label": title };
    return h("div", properties, heading, ...made);
  }

  // The user's value. A drag gives many: the last one is always sent.
  set(control, value) {
    this.pending[control.name] = value;
    control.seq = Infinity;
    const wait = SET_AT_MOST_EVERY_MS - (Date.now() - this.sentAt);
    if (wait <= 0) {
      this.flush();
    } else {
      this.timer ??= setTimeout(() => this.flush(), wait);
    }
  }

  // Send what waits; a command that depends on the values calls it first.
  flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    const names = Object.keys(this.pending);
    if (!names.length) {
      return;
    }
    // From the clock: another view of the panel, and this one after a reload, go on counting.
    this.sentAt = Date.now();
    this.seq = Math.max(this.seq + 1, this.sentAt);
    const values = this.pending;
    this.pending = {};
    const took = this.kernel.tell({ do: "set", values, seq: this.seq, view: this.id });
    names.forEach((name) => { this.controls.get(name).seq = this.seq; });
    if (took === false) {
      this.tell([GONE]);
    }
  }

  onValues(event) {
    const seq = latest(event.seq);
    for (const [name, control] of this.controls) {
      control.take(event.values[name], seq);
    }
    this.tell(event.told ?? []);
    this.count();
    this.presets.onValues(event);
  }

  onRefused({ name, line, seq }) {
    this.controls.get(name)?.refuse(line, latest(seq));
  }

  onConnection({ model, models = [] }) {
    this.controls.get("model")?.suggest(model, models);
  }

  // Lines stay where they are said again, so that a screen reader reads only what is new.
  tell(lines) {
    const said = [...this.told.children].map((item) => item.textContent);
    if (JSON.stringify(said) !== JSON.stringify(lines)) {
      this.told.replaceChildren(...lines.map((line) => h("li", {}, line)));
    }
    const words = new Set(lines.join(" ").match(/\w+/g));
    for (const [name, control] of this.controls) {
      control.element.classList.toggle("chatnb-warned", Boolean(control.isSet && words.has(name)));
    }
  }

  count() {
    const set = [...this.controls.values()].filter(({ more, isSet }) => more && isSet).length;
    if (this.badge) {
      this.badge.textContent = set ? `${set} set` : "";
    }
  }
}

function latest(seq = 0) {
  return typeof seq === "number" ? seq : Math.max(0, ...Object.values(seq));
}

// The help of one control at a time: while the pointer is on its name, or the keyboard on it.
// Screen readers have the same words from the control's own description.
class HelpBubble {
  constructor() {
    this.element = h("div", {
      class: "chatnb-help", popover: "manual", "aria-hidden": "true", hidden: true,
      onmouseenter: () => clearTimeout(this.timer), onmouseleave: () => this.hide(),
    });
    this.hide = this.hide.bind(this);
  }

  attach(control) {
    const { element, about } = control;
    const name = element.querySelector(".chatnb-control-name");
    const soon = () => this.after(HELP_AFTER_MS, () => this.show(element, about));
    name.addEventListener("mouseenter", soon);
    // A moment to move the pointer onto the help itself.
    name.addEventListener("mouseleave", () => this.after(150, this.hide));
    element.addEventListener("pointerdown", () => { this.pointed = true; });
    element.addEventListener("focusin", () => {
      if (!this.pointed) {
        soon();
      }
      this.pointed = false;
    });
    element.addEventListener("focusout", this.hide);
    element.addEventListener("keydown", (event) => event.key === "Escape" && this.hide());
    element.addEventListener("input", this.hide);
  }

  after(milliseconds, action) {
    clearTimeout(this.timer);
    this.timer = setTimeout(action, milliseconds);
  }

  show(element, about) {
    const place = element.getBoundingClientRect();
    this.element.replaceChildren(...helpLines(about).map((line) => h("p", {}, line)));
    this.element.hidden = false;
    this.element.showPopover?.(); // above everything, and cut off by nothing
    this.element.style.left = `${place.left}px`;
    this.element.style.width = `${Math.min(place.width, 320)}px`;
    const above = place.top - this.element.offsetHeight - 4;
    this.element.style.top = `${above > 0 ? above : place.bottom + 4}px`;
    window.addEventListener("scroll", this.hide, { capture: true, passive: true, once: true });
  }

  hide() {
    clearTimeout(this.timer);
    if (!this.element.hidden) {
      this.element.hidePopover?.();
      this.element.hidden = true;
    }
  }
}
