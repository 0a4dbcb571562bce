// What one lane of a comparison has of its own: parameters as in the panel's form, and a server.
// To its controls it is their form: it takes what is set, but keeps it until the comparison.

const INHERITED = "as in the panel";

class LaneSettings {
  constructor(page) {
    this.page = page;
    this.kernel = page.kernel;
    this.id = `chatnb-lane-${Math.random().toString(36).slice(2)}`;
    this.values = {};
    this.controls = new Map();
    this.names = h("select", {
      class: "chatnb-field",
      onkeydown: (event) => event.key === "Enter" && this.addChosen(),
    });
    this.own = h("div", { class: "chatnb-lane-own" });
    this.adds = h("button", {
      type: "button", class: "chatnb-quiet-button", onclick: () => this.addChosen(),
    }, "Add");
    this.adding = h("div", { class: "chatnb-lane-adding" }, this.names, this.adds);
    this.element = h("div", { class: "chatnb-parameters chatnb-lane-settings" }, this.own, this.adding);
  }

  label(number) {
    this.names.setAttribute("aria-label", `Setting to add to lane ${number}`);
    this.adds.setAttribute("aria-label", `Add to lane ${number}`);
  }

  // As the kernel takes it: what is not in it is as in the panel.
  get asked() {
    return { ...this.values };
  }

  put(asked) {
    [...this.controls.keys()].forEach((name) => this.take(name));
    this.values = { ...asked };
    Object.keys(asked).forEach((name) => this.add(name === "key" ? "base_url" : name, asked[name]));
  }

  define() {
    const option = (name, title = name) =>
      h("option", { value: name, disabled: this.controls.has(name) }, title);
    const groups = this.page.groups.map(({ title, controls }) =>
      h("optgroup", { label: title }, ...controls.map(({ name }) => option(name))));
    groups[0]?.append(option("base_url", "another server"));
    this.names.replaceChildren(h("option", { value: "" }, "add a setting…"), ...groups);
  }

  addChosen() {
    const name = this.names.value;
    if (name) {
      const start = this.start(name);
      this.add(name, start);
      if (start !== undefined) {
        this.values[name] = start;
      }
      this.focus(this.controls.get(name).element);
      this.page.changed();
    }
  }

  // Not on the way out: Enter, after what is typed blindly, would take it away again.
  focus(element) {
    const wanted = [".chatnb-slider", "input, select, textarea", "button:not(.chatnb-clear)"];
    wanted.map((each) => element.querySelector(each)).find(Boolean).focus();
  }

  // A number begins where the panel has it: unset it would say nothing yet.
  start(name) {
    const about = this.page.about(name);
    const counts = about && ["slider", "number"].includes(about.control);
    const number = Number(about?.default || "none");
    return this.page.values[name] ?? (counts && !Number.isNaN(number) ? number : undefined);
  }

  add(name, value) {
    const about = this.page.about(name);
    if (!this.controls.has(name) && (about || name === "base_url")) {
      const control = about ? this.control(about) : new ServerFields(this);
      this.controls.set(name, control);
      this.own.append(control.element);
    }
    const control = this.controls.get(name);
    if (control) {
      control.known = value; // what Escape goes back to
      control.display(value);
    }
    this.define();
  }

  control(about) {
    const inherits = { ...about, default: INHERITED };
    const control = new CONTROLS[about.control](this, inherits);
    control.suggest?.("", this.page.models);
    // The notch of a slider: what holds without this lane's own value.
    control.slider?.style.setProperty("--default", control.place(Number(this.start(about.name))));
    // The way out of a lane is always there, not only where a value is set.
    control.clear.remove();
    control.element.firstChild.append(this.remover(about.name));
    this.page.bubble.attach(control);
    return control;
  }

  remover(name, title = name) {
    return h("button", {
      type: "button", class: "chatnb-clear", "aria-label": `Remove ${title} from this lane`,
      title: "Remove", onclick: () => this.remove(name),
    }, "×");
  }

  remove(name) {
    this.take(name);
    this.define();
    this.names.focus();
    this.page.changed();
  }

  take(name) {
    this.controls.get(name)?.element.remove();
    this.controls.delete(name);
    delete this.values[name];
    if (name === "base_url") {
      delete this.values.key;
    }
  }

  set(control, value) {
    control.known = value ?? undefined;
    if (value === null || value === "") {
      delete this.values[control.name];
    } else {
      this.values[control.name] = value;
    }
    this.page.changed();
  }
}

// Another server for one lane. Its key is never typed here: only the name of the variable that
// has it.
class ServerFields {
  constructor(settings) {
    this.settings = settings;
    this.inputs = {
      base_url: this.field("base_url", "server", "local, or https://host/v1"),
      key: this.field("key", "key in", "NAME of a variable"),
    };
    const { base_url: server, key } = this.inputs;
    this.element = h("div", { class: "chatnb-control chatnb-server", role: "group", "aria-label": "Another server" },
      h("div", { class: "chatnb-control-row" }, server.label, server.input, settings.remover("base_url", "the server")),
      h("div", { class: "chatnb-control-row" }, key.label, key.input));
  }

  field(name, title, placeholder) {
    const id = `${this.settings.id}-${name}`;
    const input = h("input", {
      class: "chatnb-field", id, placeholder, autocomplete: "off", spellcheck: "false",
      oninput: () => this.settings.set({ name }, input.value.trim()),
    });
    return { input, label: h("label", { for: id, class: "chatnb-control-name" }, title) };
  }

  display() {
    for (const [name, { input }] of Object.entries(this.inputs)) {
      input.value = this.settings.values[name] ?? "";
    }
  }
}
