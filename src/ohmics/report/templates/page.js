"use strict";
(function () {
  function text(row, column) {
    var cell = row.cells[column];
    return cell ? (cell.getAttribute("data-text") || cell.textContent).trim() : "";
  }

  function asNumber(value) {
    return value === "" ? NaN : Number(value.replace(/,/g, ""));
  }

  function sort(table, column, descending, numeric) {
    var body = table.tBodies[0];
    var rows = Array.prototype.map.call(body.rows, function (row, place) {
      var shown = text(row, column);
      var key = numeric ? asNumber(shown) : shown;
      return { row: row, place: place, empty: shown === "" || (numeric && isNaN(key)), key: key };
    });
    var collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
    rows.sort(function (a, b) {
      // Missing values stay last in both directions.
      if (a.empty !== b.empty) { return a.empty ? 1 : -1; }
      var order = numeric ? a.key - b.key : collator.compare(a.key, b.key);
      return (descending ? -order : order) || a.place - b.place;
    });
    rows.forEach(function (entry) { body.appendChild(entry.row); });
  }

  function makeSortable(table, state) {
    var heads = table.tHead.rows[0].cells;
    function by(column, descending) {
      var head = heads[column];
      Array.prototype.forEach.call(heads, function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sort(table, column, descending, head.classList.contains("num"));
      state.sort = (descending ? "-" : "") + head.textContent.trim();
      state.changed();
    }
    Array.prototype.forEach.call(heads, function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      head.appendChild(button);
      button.addEventListener("click", function () { by(column, head.getAttribute("aria-sort") === "ascending"); });
    });
    state.sortBy = function (wanted) {
      var names = Array.prototype.map.call(heads, function (head) { return head.textContent.trim(); });
      var column = names.indexOf(wanted.replace(/^-/, ""));
      if (column >= 0) { by(column, wanted.charAt(0) === "-"); }
    };
  }

  function headings(table) {
    return Array.prototype.map.call(table.tHead.rows[0].cells, function (head, place) {
      return {
        place: place, numeric: head.classList.contains("num"),
        short: head.textContent.trim().toLowerCase().replace(/\s+/g, "")
      };
    });
  }

  function condition(term, names) {
    // A heading, without its spaces, and a number: q<0.05
    var parts = /^([^<>=]+)(<=|>=|<|>|=)([-+.\d][\d.e+-]*)$/.exec(term);
    var name = parts && names.filter(function (one) { return one.numeric && one.short === parts[1]; })[0];
    var limit = parts ? Number(parts[3]) : NaN;
    if (!name || isNaN(limit)) { return null; }
    return function (row) {
      var value = asNumber(text(row, name.place));
      return { "<": value < limit, ">": value > limit, "<=": value <= limit, ">=": value >= limit, "=": value === limit }[
        parts[2]
      ];
    };
  }

  function hint(names) {
    // Most readers look for small p: a column of q is named first, then one of p, then any number.
    var numeric = names.filter(function (name) { return name.numeric; });
    function ending(letter) {
      return numeric.filter(function (name) { return name.short === letter; })[0] ||
        numeric.filter(function (name) { return name.short.slice(-1) === letter && name.short.length < 12; })[0];
    }
    var one = ending("q") || ending("p");
    if (one) { return "words, or " + one.short + "<0.05"; }
    one = numeric.filter(function (name) { return name.short.length < 14; })[0];
    return one ? "words, or " + one.short + ">10" : "words";
  }

  function makeFilter(table, bar, state) {
    var label = document.createElement("label");
    var input = document.createElement("input");
    var status = document.createElement("span");
    label.textContent = "Filter rows ";
    input.type = "search";
    input.autocomplete = "off";
    input.spellcheck = false;
    status.className = "status";
    status.setAttribute("role", "status");
    label.appendChild(input);
    bar.appendChild(label);
    bar.appendChild(status);
    var rows = Array.prototype.slice.call(table.tBodies[0].rows);
    var names = headings(table);
    var texts = null;
    input.placeholder = hint(names);
    input.addEventListener("input", function () {
      var wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean).map(function (term) {
        return condition(term, names) || term;
      });
      var left = 0;
      texts = texts || rows.map(function (row) { return row.textContent.toLowerCase(); });
      rows.forEach(function (row, place) {
        var keep = wanted.every(function (term) {
          return typeof term === "string" ? texts[place].indexOf(term) >= 0 : term(row);
        });
        row.hidden = !keep;
        left += keep ? 1 : 0;
      });
      status.textContent = wanted.length ? left + " of " + rows.length + " rows" : "";
      state.filter = input.value.trim();
      state.changed();
    });
    state.filterBy = function (words) {
      input.value = words;
      input.dispatchEvent(new Event("input"));
    };
  }

  function makeLink(table, bar, state) {
    var link = document.createElement("a");
    link.textContent = "Link to these rows";
    link.className = "here";
    link.hidden = true;
    state.changed = function () {
      var query = new URLSearchParams();
      if (state.filter) { query.set("filter", state.filter); }
      if (state.sort) { query.set("sort", state.sort); }
      link.href = "#" + encodeURIComponent(table.id) + "?" + query;
      link.hidden = !state.filter && !state.sort;
    };
    bar.appendChild(link);
  }

  function quoted(value) {
    // A spreadsheet would run a field that begins like a formula, in full-width letters too.
    var formula = /^[\s\u0000-\u001f]*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(value) || /^[\t\r\n]/.test(value);
    var safe = formula && isNaN(asNumber(value)) ? "'" + value : value;
    return /[",\r\n]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
  }

  function asCsv(rows) {
    return rows.map(function (row) { return row.map(quoted).join(","); }).join("\r\n") + "\r\n";
  }

  function rowsShown(table) {
    var rows = [table.tHead.rows[0]].concat(Array.prototype.filter.call(table.tBodies[0].rows, function (row) {
      return !row.hidden;
    }));
    return rows.map(function (row) {
      return Array.prototype.map.call(row.cells, function (cell, column) {
        var value = text(row, column);
        return cell.nodeName === "TD" && cell.classList.contains("num") ? value.replace(/,/g, "") : value;
      });
    });
  }

  function download(name, rows) {
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([asCsv(rows)], { type: "text/csv;charset=utf-8" }));
    link.download = name + ".csv";
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
  }

  function makeDownload(words, bar, act) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.addEventListener("click", act);
    bar.appendChild(button);
  }

  /* Makes a table answer: sorting, from six rows on a filter, a link to what is shown, a download. */
  function equip(table) {
    var bar = document.createElement("div");
    var state = { filter: "", sort: "", changed: function () {} };
    bar.className = "tools";
    makeSortable(table, state);
    if (table.tBodies[0].rows.length > 5) { makeFilter(table, bar, state); }
    makeDownload("Download rows shown as CSV", bar, function () { download(table.id, rowsShown(table)); });
    // A table that is made on the page has no place of its own to link to.
    if (table.id) { makeLink(table, bar, state); }
    table.parentNode.parentNode.insertBefore(bar, table.parentNode);
    table.ohmics = state;
    return bar;
  }

  function decoded(word) {
    try { return decodeURIComponent(word); } catch (fault) { return word; }
  }

  function openTarget() {
    var hash = location.hash.slice(1);
    var cut = hash.indexOf("?");
    var target = hash && document.getElementById(decoded(cut < 0 ? hash : hash.slice(0, cut)));
    if (!target) { return; }
    for (var node = target; node; node = node.parentElement) {
      if (node.nodeName === "DETAILS") { node.open = true; }
    }
    var query = new URLSearchParams(cut < 0 ? "" : hash.slice(cut + 1));
    var table = target.closest("table.data");
    if (table && target === table) {
      if (query.has("filter") && table.ohmics.filterBy) { table.ohmics.filterBy(query.get("filter")); }
      if (query.has("sort")) { table.ohmics.sortBy(query.get("sort")); }
      target.closest(".table").scrollIntoView();
      target.parentNode.focus({ preventScroll: true });
      return;
    }
    // A filter must not hide the row that was asked for.
    if (target.hidden && table && table.ohmics.filterBy) { table.ohmics.filterBy(""); }
    // A row stands clear of the heading that stays above it.
    target.scrollIntoView({ block: target.nodeName === "TR" ? "center" : "start" });
    if (target.nodeName === "TR") {
      target.tabIndex = -1;
      target.focus({ preventScroll: true });
    }
  }

  Array.prototype.forEach.call(document.querySelectorAll("table.data"), equip);
  window.ohmicsTables = { equip: equip, download: download, button: makeDownload };
  window.addEventListener("hashchange", openTarget);
  openTarget();
})();
