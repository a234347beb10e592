"use strict";
/* Where a gene appears: lists with their source, tests, calls. The index is part of the page. */
(function () {
  var box = document.getElementById("gene-search");
  if (!box || !window.DecompressionStream) { return; }
  var MOST = 12;
  var index = null;

  function element(tag, className, text) {
    var made = document.createElement(tag);
    if (className) { made.className = className; }
    if (text) { made.textContent = text; }
    return made;
  }

  function link(text, target) {
    var made = element("a", "", text);
    if (target.charAt(0) !== "#") { made.rel = "noreferrer"; }
    made.href = target;
    return made;
  }

  function part(found, title, items) {
    if (!items.length) { return; }
    var list = element("ul");
    found.appendChild(element("h3", "", title));
    items.forEach(function (nodes) {
      var item = element("li");
      nodes.forEach(function (node) { item.append(node); });
      list.appendChild(item);
    });
    found.appendChild(list);
  }

  function listItem(number) {
    var list = index.lists[number];
    var nodes = [list.target ? link(list.name, "#" + list.target) : list.name];
    if (list.direction) { nodes.push(", expected " + list.direction + " under resistance"); }
    if (list.verdicts.length) {
      nodes.push("; verdict: ");
      list.verdicts.forEach(function (verdict, place) {
        if (place) { nodes.push(", "); }
        nodes.push(link(verdict[0], "#" + verdict[1]));
      });
    }
    if (list.source) { nodes.push(". " + list.source.replace(/\.$/, "") + "."); }
    if (/^[0-9]+$/.test(list.pmid)) {
      nodes.push(" ", link("PMID " + list.pmid, "https://pubmed.ncbi.nlm.nih.gov/" + list.pmid + "/"));
    }
    return nodes;
  }

  function callItem(row) {
    var nodes = [row[0] + ": "];
    row[1].forEach(function (one, place) {
      if (place) { nodes.push(", "); }
      nodes.push(link(one[0], "#" + one[1]));
    });
    if (row[2]) { nodes.push(" and " + row[2] + " more"); }
    return nodes;
  }

  function testItem(row) {
    var test = index.tests[row[0]];
    return [
      link(test.name, "#" + (row[4] || test.target)),
      ": log2 fold change " + row[1] + ", p " + row[2] + (row[3] ? ", q " + row[3] : "") +
        (row[4] ? "" : " (row in " + index.table + ")")
    ];
  }

  function shown(gene) {
    var found = element("div", "gene");
    var entry = index.genes[gene];
    found.appendChild(element("p", "lead", gene));
    part(found, "Antigens and their calls", entry.a.map(callItem));
    part(found, "Gene lists", entry.l.map(listItem));
    part(found, "Change of expression", entry.d.map(testItem));
    return found;
  }

  function search(input, status, results) {
    var wanted = input.value.trim().toUpperCase();
    var names = Object.keys(index.genes);
    var exact = names.filter(function (name) { return name.toUpperCase() === wanted; });
    var near = wanted ? names.filter(function (name) {
      return name.toUpperCase().indexOf(wanted) === 0 && exact.indexOf(name) < 0;
    }) : [];
    results.textContent = "";
    status.textContent = "";
    if (!wanted) { return; }
    exact.forEach(function (gene) { results.appendChild(shown(gene)); });
    if (near.length) {
      var more = element("p", "near", exact.length ? "Also: " : "Symbols that begin so: ");
      near.slice(0, MOST).forEach(function (name) {
        var button = element("button", "", name);
        button.type = "button";
        button.addEventListener("click", function () { input.value = name; search(input, status, results); input.focus(); });
        more.append(button, " ");
      });
      if (near.length > MOST) { more.append("and " + (near.length - MOST) + " more"); }
      results.appendChild(more);
    }
    status.textContent = exact.length ? exact.join(", ") + " is found" : near.length ? near.length +
      " symbols begin so" : "No list, antigen or kept test holds this symbol. " + index.rule;
  }

  function genesLead() {
    // Genes in tables lead here; without a script they are plain words.
    Array.prototype.forEach.call(document.querySelectorAll("td.gene"), function (cell) {
      var made = link(cell.textContent, "#find-gene?" + encodeURIComponent(cell.textContent));
      cell.textContent = "";
      cell.appendChild(made);
    });
  }

  function start() {
    var label = element("label", "", "Gene symbol ");
    var input = element("input");
    var status = element("span", "status");
    var results = element("div", "found");
    input.type = "search";
    input.autocomplete = "off";
    input.spellcheck = false;
    status.setAttribute("role", "status");
    label.appendChild(input);
    var bar = element("div", "tools");
    bar.append(label, status);
    box.append(bar, results);
    function look() {
      var before = index ? Promise.resolve() : window.ohmicsInflated(box.getAttribute("data-gz")).then(function (text) {
        index = JSON.parse(text);
      });
      return before.then(function () { search(input, status, results); });
    }
    function asked() {
      var found = /^#find-gene\?(.+)$/.exec(location.hash);
      if (!found) { return; }
      try { input.value = decodeURIComponent(found[1]); } catch (fault) { return; }
      look().then(function () { document.getElementById("find-gene").scrollIntoView(); input.focus({ preventScroll: true }); });
    }
    input.addEventListener("input", look);
    window.addEventListener("hashchange", asked);
    genesLead();
    asked();
  }

  start();
})();
