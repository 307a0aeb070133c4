// Keeps one page on this device, the one that says "You are offline". Nothing else is kept, and nothing is sent. A page with a
// form that the browser shows again as it was is loaded anew: its form was sent perhaps, and each is good for one sending.
const worker = document.currentScript.dataset.worker;
if ("serviceWorker" in navigator) navigator.serviceWorker.register(worker, { scope: "/" }).catch(() => {});
addEventListener("pageshow", (event) => {
  if (event.persisted && document.querySelector('input[name="request"]')) location.reload();
});
