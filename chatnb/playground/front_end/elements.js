// Elements made by hand: no framework, and no text that becomes markup by accident.

const FOCUSABLE = new Set(["A", "BUTTON", "INPUT", "SELECT", "SUMMARY", "TEXTAREA"]);

// An element: attributes by name, functions as listeners (onclick: f), strings as text.
function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") {
      node.addEventListener(name.slice(2), value);
    } else if (value === true || value === false) {
      node.toggleAttribute(name, value);
    } else if (value !== null && value !== undefined) {
      node.setAttribute(name, value);
    }
  }
  if (FOCUSABLE.has(node.tagName) || "tabindex" in properties) {
    keepKeys(node);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Notebook 7 takes keys before the page sees them, but for elements that say this of themselves.
function keepKeys(node) {
  node.setAttribute("data-lm-suppress-shortcuts", "true");
}

// The only way into innerHTML: what the kernel rendered and sanitized.
function setHtml(node, html) {
  node.innerHTML = html;
  node.querySelectorAll("a, summary").forEach(keepKeys);
  return node;
}

function button(label, onclick, properties = {}) {
  return h("button", { type: "button", class: "chatnb-button", onclick, ...properties }, label);
}

// A line that is there from the start, so that nothing moves when it speaks.
class StatusLine {
  constructor(properties = {}) {
    this.element = h("div", { class: "chatnb-status-line", role: "status", ...properties });
  }

  say(text, ...actions) {
    this.element.classList.remove("chatnb-error");
    this.element.replaceChildren(text ?? "", ...actions);
  }

  complain(text, ...actions) {
    this.say(text, ...actions);
    this.element.classList.add("chatnb-error");
  }
}
