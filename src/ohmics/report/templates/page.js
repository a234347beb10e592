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
      return { row: row, place: place, empty: shown === "", key: numeric ? asNumber(shown) : shown };
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

  function makeSortable(table) {
    var heads = table.tHead.rows[0].cells;
    Array.prototype.forEach.call(heads, function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      head.appendChild(button);
      button.addEventListener("click", function () {
        var descending = head.getAttribute("aria-sort") === "ascending";
        Array.prototype.forEach.call(heads, function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        sort(table, column, descending, head.classList.contains("num"));
      });
    });
  }

  function makeFilter(table, bar) {
    var label = document.createElement("label");
    var input = document.createElement("input");
    var status = document.createElement("span");
    label.textContent = "Filter rows ";
    input.type = "search";
    input.autocomplete = "off";
    status.className = "status";
    status.setAttribute("role", "status");
    label.appendChild(input);
    bar.appendChild(label);
    bar.appendChild(status);
    var rows = Array.prototype.slice.call(table.tBodies[0].rows);
    var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
    input.addEventListener("input", function () {
      var wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      var left = 0;
      rows.forEach(function (row, place) {
        var keep = wanted.every(function (word) { return texts[place].indexOf(word) >= 0; });
        row.hidden = !keep;
        left += keep ? 1 : 0;
      });
      status.textContent = wanted.length ? left + " of " + rows.length + " rows" : "";
    });
  }

  function quoted(value) {
    // A spreadsheet would run a field that begins like a formula.
    var safe = /^[=+\-@\t\r]/.test(value) && isNaN(asNumber(value)) ? "'" + value : value;
    return /[",\n]/.test(safe) ? '"' + safe.replace(/"/g, '""') + '"' : safe;
  }

  function asCsv(table) {
    var rows = [table.tHead.rows[0]].concat(Array.prototype.filter.call(table.tBodies[0].rows, function (row) {
      return !row.hidden;
    }));
    return rows.map(function (row) {
      return Array.prototype.map.call(row.cells, function (cell, column) {
        var value = text(row, column);
        return quoted(cell.classList.contains("num") && row.parentNode.nodeName === "TBODY" ? value.replace(/,/g, "") : value);
      }).join(",");
    }).join("\r\n") + "\r\n";
  }

  function makeDownload(table, bar) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = "Download rows shown as CSV";
    button.addEventListener("click", function () {
      var link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([asCsv(table)], { type: "text/csv;charset=utf-8" }));
      link.download = table.id + ".csv";
      document.body.appendChild(link);
      link.click();
      link.remove();
      setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
    });
    bar.appendChild(button);
  }

  function openTarget() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var node = target; node; node = node.parentElement) {
      if (node.nodeName === "DETAILS") { node.open = true; }
    }
    if (target) { target.scrollIntoView(); }
  }

  Array.prototype.forEach.call(document.querySelectorAll("table.data"), function (table) {
    var bar = document.createElement("div");
    bar.className = "tools";
    makeSortable(table);
    if (table.tBodies[0].rows.length > 5) { makeFilter(table, bar); }
    makeDownload(table, bar);
    table.parentNode.parentNode.insertBefore(bar, table.parentNode);
  });
  window.addEventListener("hashchange", openTarget);
  openTarget();
})();
