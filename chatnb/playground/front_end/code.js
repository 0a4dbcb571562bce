// The code page: what would be sent, and two ways to take it along.

const LANGUAGES = [
  ["python", "Python"],
  ["cell", "%%chat cell"],
  ["curl", "curl"],
  ["json", "JSON"],
];

class CodePage {
  constructor(kernel) {
    this.kernel = kernel;
    this.code = {};
    this.line = new StatusLine();
    this.shown = h("pre", {
      class: "chatnb-code", tabindex: "0", role: "region", "aria-label": "Code",
    });
    this.choices = LANGUAGES.map(([name, title]) =>
      button(title, () => this.choose(name), { "aria-pressed": "false" }),
    );
    const page = h(
      "div",
      { class: "chatnb-code-page" },
      h(
        "p",
        { class: "chatnb-hint" },
        "What Send would send now: it follows the prompt, the parameters and the conversation.",
      ),
      h(
        "div",
        { class: "chatnb-toolbar-row" },
        h("div", { class: "chatnb-choice", role: "group", "aria-label": "Form" }, ...this.choices),
        button("Copy", () => this.copy()),
        button("Insert as a cell", () => this.insert()),
      ),
      this.line.element,
      this.shown,
    );
    this.element = h("div", { class: "chatnb-columns" }, page);
    this.choose("python");
  }

  choose(name) {
    this.name = name;
    this.choices.forEach((choice, at) =>
      choice.setAttribute("aria-pressed", String(LANGUAGES[at][0] === name)),
    );
    this.show();
  }

  show() {
    this.shown.textContent = this.code[this.name] ?? "";
  }

  onCode(event) {
    this.code = event;
    this.line.complain(event.line ?? "");
    this.show();
  }

  async copy() {
    const copied = await copyText(this.shown.textContent);
    this.line.say(copied ? "Copied." : "The browser does not let it be copied: select it by hand.");
  }

  insert() {
    const inserted = insertCell(this.kernel.model, this.element, this.cellSource());
    this.line.say(inserted ? "Inserted below." : "This front end takes no cells: copy it instead.");
  }

  // Only Python and %%chat run in a cell as they stand. JSON has no three quotes in a row.
  cellSource() {
    const code = this.shown.textContent.replace(/\n$/, "");
    const cells = {
      curl: `%%bash\n${code}`,
      json: `import json\n\nbody = json.loads(r"""\n${code}\n""")`,
    };
    return cells[this.name] ?? code;
  }
}

// navigator.clipboard is there on https and localhost only.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = h("textarea", { "aria-hidden": "true" });
    box.value = text;
    document.body.append(box);
    box.select();
    const copied = document.execCommand("copy");
    box.remove();
    return copied;
  }
}

// A new cell below the one that holds the element; false where there is no notebook.
function insertCell(model, element, source) {
  const notebook = model.widget_manager?.context?.model?.sharedModel;
  if (!notebook?.insertCell) {
    return false;
  }
  const own = element.closest(".jp-Cell")?.dataset.windowedListIndex;
  const at = own === undefined ? notebook.cells.length : Number(own) + 1;
  notebook.insertCell(at, { cell_type: "code", source, metadata: {} });
  return true;
}
