// Above the transcript: which conversation, its system message, and the ways back.

class Toolbar {
  constructor(kernel) {
    this.kernel = kernel;
    this.line = new StatusLine();
    this.names = h("select", {
      class: "chatnb-select",
      "aria-label": "Conversation",
      onchange: () => this.choose(),
    });
    this.newName = h("input", {
      class: "chatnb-input",
      "aria-label": "Name of the new conversation",
      placeholder: "name, then Enter",
      hidden: true,
      onkeydown: (event) => this.named(event),
    });
    this.undo = button("Undo", () => this.act("undo", "Took back", "redo", "Revert"));
    this.redo = button("Redo", () => this.act("redo", "Brought back", "undo", "Revert"));
    this.again = button("Regenerate", () => this.act("regenerate"));
    this.reset = button("Reset", () => this.act("reset", "Emptied", "undo", "Revert"));
    this.system = new SystemMessage(kernel);
    this.element = h(
      "div",
      { class: "chatnb-toolbar" },
      h(
        "div",
        { class: "chatnb-toolbar-row", role: "group", "aria-label": "Conversation" },
        this.names,
        this.newName,
        this.again,
        this.undo,
        this.redo,
        this.reset,
      ),
      this.system.element,
      this.line.element,
    );
  }

  onConversation({ name, names, undo, redo, turns, empty }) {
    const option = (value, label) => h("option", { value }, label);
    this.names.replaceChildren(...names.map((each) => option(each, each)), option("", "New…"));
    this.names.value = name;
    this.name = name;
    this.undo.disabled = !undo;
    this.undo.title = undo ? `Take back ${undo}` : "Nothing to take back";
    this.redo.disabled = !redo;
    this.redo.title = redo ? `Bring back ${redo}` : "Nothing to bring back";
    this.again.disabled = turns === 0;
    this.reset.disabled = empty;
  }

  choose() {
    if (this.names.value) {
      this.act("conversation", null, null, null, { name: this.names.value });
      return;
    }
    this.names.value = this.name;
    this.newName.hidden = false;
    this.newName.focus();
  }

  async named(event) {
    if (event.key === "Enter" || event.key === "Escape") {
      const name = this.newName.value.trim();
      this.newName.hidden = true;
      this.newName.value = "";
      this.names.focus();
      if (event.key === "Enter" && name) {
        await this.act("conversation", null, null, null, { name });
      }
    }
  }

  // Does it and says what it did, with one click that takes it back.
  async act(command, said, back, label, args = {}) {
    const answer = await this.kernel.ask(command, args);
    if (!answer.ok) {
      this.line.complain(answer.line);
    } else if (back) {
      const revert = button(label, () => this.act(back), { class: "chatnb-button chatnb-quiet" });
      this.line.say(`${said} ${answer.line ?? "the conversation"}. `, revert);
    } else {
      this.line.say("");
    }
  }
}

// One line until it is opened: the message that goes before everything else.
class SystemMessage {
  constructor(kernel) {
    this.kernel = kernel;
    this.line = new StatusLine();
    this.shown = h("span", { class: "chatnb-system-shown" }, "none");
    this.text = h("textarea", { class: "chatnb-prompt", rows: 3, "aria-label": "System message" });
    this.text.addEventListener("input", () => (this.touched = true));
    this.element = h(
      "details",
      { class: "chatnb-system" },
      h("summary", {}, "System message: ", this.shown),
      this.text,
      h(
        "div",
        { class: "chatnb-remedies" },
        button("Set", () => this.set(this.text.value || null)),
        button("Remove", () => this.set(null)),
      ),
      this.line.element,
    );
  }

  async set(text) {
    const answer = await this.kernel.ask("system", { text });
    this.touched = !answer.ok;
    if (answer.ok) {
      this.element.open = false;
      this.line.say("");
    } else {
      this.line.complain(answer.line);
    }
  }

  onConversation({ system }) {
    this.shown.textContent = system ? excerpt(system) : "none";
    if (!this.touched) {
      this.text.value = system ?? "";
    }
  }
}
