
// Shows at once what the browser would show after a while: the title of what is pointed at.
// Without this script the page says the same.
(function () {
  "use strict";
  var tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.appendChild(tip);
  var shown = null;
  function hide() {
    if (shown) { shown.classList.remove("on"); }
    shown = null;
    tip.hidden = true;
  }
  function said(hit) {
    var title = hit.querySelector("title");
    if (title) { hit.setAttribute("data-said", title.textContent); title.remove(); }
    return hit.getAttribute("data-said");
  }
  function show(event) {
    var hit = event.target.closest ? event.target.closest("svg .hit") : null;
    if (!hit) { hide(); return; }
    if (hit !== shown) {
      if (shown) { shown.classList.remove("on"); }
      shown = hit;
      hit.classList.add("on");
      tip.textContent = said(hit);
      tip.hidden = false;
    }
    var edge = document.documentElement.clientWidth - tip.offsetWidth - 8;
    var left = event.clientX + 14;
    if (left > edge) { left = Math.max(4, Math.min(edge, event.clientX - tip.offsetWidth - 14)); }
    var top = event.clientY + 14;
    if (top + tip.offsetHeight > window.innerHeight) { top = event.clientY - tip.offsetHeight - 8; }
    tip.style.left = left + "px";
    tip.style.top = Math.max(4, top) + "px";
  }
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
  document.addEventListener("pointerleave", hide);
  document.addEventListener("scroll", hide, true);
  // A link to evidence opens it.
  function open() {
    var aim = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    var folded = aim && (aim.matches("details") ? aim : aim.querySelector("details"));
    if (folded) { folded.open = true; }
  }
  window.addEventListener("hashchange", open);
  open();
})();
