// The pages beside the chat, in the order of their tabs.
const PAGES = [
  ["log", "Log", (kernel) => new LogPage(kernel)],
  ["code", "Code", (kernel) => new CodePage(kernel)],
];
