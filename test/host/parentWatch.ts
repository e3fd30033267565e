// Preloaded into VS Code's server: ends it when the program that started it is gone, however that one ended. The server's
// own watchdog is a native module, which an install without a compiler does not have.
const checkIntervalMs = 1000;
const parentId = process.ppid;

setInterval(() => {
  if (process.ppid !== parentId) process.exit(1);
}, checkIntervalMs).unref();
