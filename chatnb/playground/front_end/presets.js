// Named sets of values: choose and apply one, keep what is set as a new one, unset everything.

class PresetRow {
  constructor(kernel, form) {
    Object.assign(this, { kernel, form, presets: [], chosen: null });
    this.select = h("select", {
      class: "chatnb-field", "aria-label": "Preset", onchange: () => this.choose(this.select.value),
    });
    this.apply = this.button("Apply", () => this.ask("preset", { name: this.select.value }));
    this.remove = this.button("Delete", () => this.delete(), { onblur: () => this.draw() });
    this.save = this.button("Save as…", () => this.name(true));
    this.defaults = this.button("Back to defaults", () => this.ask("defaults"));
    this.line = h("div", { class: "chatnb-control-line", role: "alert" });
    const buttons = [this.save, this.remove, this.defaults];
    this.actions = h("div", { class: "chatnb-preset-actions" }, ...buttons);
    this.element = h("div", { class: "chatnb-presets", role: "group", "aria-label": "Presets" },
      h("div", { class: "chatnb-preset-choice" }, this.select, this.apply),
      this.actions, this.naming(), this.line);
    this.onValues({});
  }

  button(label, onclick, properties = {}) {
    const all = { type: "button", class: "chatnb-quiet-button", onclick, ...properties };
    return h("button", all, label);
  }

  // The name of a new preset, in place of the row of buttons.
  naming() {
    this.field = h("input", {
      class: "chatnb-field", "aria-label": "Name of the preset", placeholder: "name of the preset",
      maxlength: "60", autocomplete: "off", oninput: () => this.named(),
      onkeydown: (event) => this.key(event),
    });
    this.keep = this.button("Save", () => this.store());
    const cancel = this.button("Cancel", () => this.name(false));
    const properties = { class: "chatnb-preset-naming", hidden: true };
    this.nameRow = h("div", properties, this.field, this.keep, cancel);
    return this.nameRow;
  }

  name(open) {
    this.nameRow.hidden = !open;
    this.actions.hidden = open;
    this.line.textContent = "";
    this.field.value = "";
    this.named();
    (open ? this.field : this.save).focus();
  }

  named() {
    const typed = this.field.value.trim();
    const own = this.presets.some(({ name, shipped }) => !shipped && name === typed);
    this.keep.textContent = own ? "Replace" : "Save";
    this.keep.disabled = !typed;
  }

  key(event) {
    if (event.key === "Enter" && !this.keep.disabled) {
      this.store();
    } else if (event.key === "Escape") {
      this.name(false);
    }
  }

  async store() {
    const name = this.field.value.trim();
    if (await this.ask("save_preset", { name })) {
      this.chosen = null;
      this.name(false);
    }
  }

  // Asked twice: what is deleted is gone.
  async delete() {
    if (this.remove.textContent === "Delete") {
      this.remove.textContent = "Really delete?";
      return;
    }
    const name = this.select.value;
    this.chosen = null;
    await this.ask("delete_preset", { name });
    this.draw();
  }

  async ask(command, args = {}) {
    this.form.flush();
    const { ok, line } = await this.kernel.ask(command, args);
    this.line.textContent = line ?? "";
    if (ok && command !== "save_preset") {
      this.chosen = null;
      this.draw();
    }
    return ok;
  }

  choose(name) {
    this.chosen = name;
    this.draw();
  }

  onValues({ presets = this.presets, values = {} }) {
    const untouched = this.select.options.length && JSON.stringify(presets) === this.told;
    this.told = JSON.stringify(presets);
    this.presets = presets;
    this.custom = Object.keys(values).length ? "custom values" : "choose a preset";
    if (!untouched) {
      this.fill();
    }
    this.draw();
  }

  fill() {
    const option = ({ name, words }) => h("option", { value: name, title: words ?? null }, name);
    const group = (label, shipped) => {
      const found = this.presets.filter((preset) => preset.shipped === shipped).map(option);
      return found.length ? h("optgroup", { label }, ...found) : null;
    };
    const groups = [group("Shipped", true), group("Yours", false)].filter(Boolean);
    this.select.replaceChildren(h("option", { value: "" }, this.custom), ...groups);
  }

  draw() {
    const current = this.presets.find((preset) => preset.current)?.name ?? "";
    this.select.options[0].textContent = this.custom;
    this.select.value = this.chosen ?? current;
    const preset = this.presets.find(({ name }) => name === this.select.value);
    this.select.title = preset?.words ?? "";
    this.apply.disabled = !preset || this.select.value === current;
    this.remove.disabled = !preset || preset.shipped;
    this.remove.textContent = "Delete";
  }
}
