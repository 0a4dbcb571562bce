// The pages beside the chat, in the order of their tabs.
const PAGES = [
  ["compare", "Compare", (kernel) => new ComparePage(kernel)],
  ["log", "Log", (kernel) => new LogPage(kernel)],
  ["code", "Code", (kernel) => new CodePage(kernel)],
];
