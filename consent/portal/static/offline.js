// Keeps one page on this device, the one that says "You are offline". Nothing else is kept, and nothing is sent.
const worker = document.currentScript.dataset.worker;
if ("serviceWorker" in navigator) navigator.serviceWorker.register(worker, { scope: "/" }).catch(() => {});
