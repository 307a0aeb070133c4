// Codes on paper: the one of a letter is filled in from its address, and a page with one to be kept is printed.

// a letter's code stands behind # in its address, which no server gets; it does not stay there
const typed = document.querySelector("[data-from-address]");
const fill = () => {
  const code = /^#([\w-]{8,24})$/.exec(location.hash);
  if (!typed || !code) return;
  typed.value = code[1];
  history.replaceState(null, "", location.pathname + location.search);
};
onhashchange = fill;
fill();

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.onclick = () => print();
}
