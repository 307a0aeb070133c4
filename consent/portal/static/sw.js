// Shows the page "You are offline" where no other can be had. It keeps that page in its three languages, with its style and
// font, under the version in its own address; every other page goes past it, and is never kept. A form that was sent is none of its
// affair: whether it arrived is not for a page to say that was made before.
const version = new URL(self.location).searchParams.get("v");
const languages = ["en", "es", "pt"];
const page = (language) => `/offline?lang=${language}`;
const kept = [...languages.map(page), `/static/sluice.css?v=${version}`, `/static/logo.svg?v=${version}`, "/static/public-sans.woff2"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(version).then((cache) => cache.addAll(kept)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const others = (names) => names.filter((name) => name !== version).map((name) => caches.delete(name));
  event.waitUntil(caches.keys().then((names) => Promise.all(others(names))).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  const url = new URL(event.request.url);
  if (event.request.mode === "navigate") {
    const said = url.searchParams.get("lang") || self.navigator.language.slice(0, 2);
    const language = languages.includes(said) ? said : "en";
    event.respondWith(fetch(event.request).catch(() => caches.match(page(language))));
  } else if (url.origin === self.location.origin && url.pathname.startsWith("/static/")) {
    event.respondWith(fetch(event.request).catch(() => caches.match(event.request).then((found) => found || Response.error())));
  }
});
