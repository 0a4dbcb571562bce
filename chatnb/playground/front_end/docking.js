// A panel for the sidebar has two views: one there, and one in the cell that asked for it. It is
// drawn once: in the cell only where there is no sidebar, or where it was closed.

const SIDEBAR_WITHIN_MS = 2000;

class Docking {
  constructor() {
    this.docks = 0;
    this.cells = new Set();
  }

  place(view, draw) {
    whenSeen(view.el, view.signal, () => {
      view.el.closest(".jp-Notebook") ? this.inCell(view, draw) : this.inSidebar(view, draw);
    });
  }

  inSidebar(view, draw) {
    draw(view);
    this.docks += 1;
    view.signal.addEventListener("abort", () => {
      this.docks -= 1;
      this.tell();
    });
    this.tell();
  }

  inCell(view, draw) {
    const cell = new DockedCell(view, draw);
    this.cells.add(cell);
    view.signal.addEventListener("abort", () => this.cells.delete(cell));
    // The sidebar's view may still be on its way.
    setTimeout(() => cell.show(this.docks), this.docks ? 0 : SIDEBAR_WITHIN_MS);
  }

  tell() {
    this.cells.forEach((cell) => cell.show(this.docks));
  }
}

// In the cell: a line that says where the panel is, or the panel itself.
class DockedCell {
  constructor(view, draw) {
    Object.assign(this, { view, draw });
    this.line = h("div", { role: "status" });
    view.el.append(this.line);
    const { model, signal } = view;
    // Without its kernel the line, too, makes room for the saved transcript below it.
    const greet = () => {
      const alive = new Kernel(model).tell({ do: "alive" });
      this.line.className = alive ? "chatnb-panel chatnb-docked" : "chatnb-gone";
    };
    model.on("comm_live_update", greet);
    signal.addEventListener("abort", () => model.off("comm_live_update", greet));
    greet();
  }

  show(docks) {
    const { view, line } = this;
    if (view.signal.aborted || this.drawn) {
      return;
    }
    if (docks) {
      line.textContent = "The panel is in the sidebar.";
    } else {
      this.drawn = true;
      this.draw(view);
    }
  }
}

// Once the element is on the page and has a width: before, nobody knows where it stands.
function whenSeen(el, signal, act) {
  const watch = new ResizeObserver(() => {
    if (el.isConnected && !signal.aborted) {
      watch.disconnect();
      act();
    }
  });
  watch.observe(el);
  signal.addEventListener("abort", () => watch.disconnect());
}
