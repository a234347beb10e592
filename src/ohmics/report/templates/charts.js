"use strict";
/* Figures that answer to the pointer. Each stands beside a still picture, which shows until the chart is drawn, on paper,
   and where scripts do not run. The library is unpacked when the first chart comes near the screen. */
(function () {
  var MOST_ROWS = 500;
  var holder = document.getElementById("chart-library");
  var ready = null;

  function inflated(data) {
    var bytes = Uint8Array.from(atob(data), function (letter) { return letter.charCodeAt(0); });
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }

  function library() {
    ready = ready || inflated(holder.getAttribute("data-gz")).then(function (code) {
      return new Promise(function (resolve) {
        var script = document.createElement("script");
        window.addEventListener("ohmics-charts", function () { resolve(window.ohmicsEmbed); }, { once: true });
        script.type = "module";
        // The page's policy knows the digest of this very text.
        script.textContent = code;
        document.head.appendChild(script);
      });
    });
    return ready;
  }

  function column(values) {
    return Array.isArray(values) ? values : values.codes.map(function (code) {
      return code < 0 ? null : values.levels[code];
    });
  }

  function asRows(columns) {
    var names = Object.keys(columns);
    var values = names.map(function (name) { return column(columns[name]); });
    return (values[0] || []).map(function (_, place) {
      var row = {};
      names.forEach(function (name, number) { row[name] = values[number][place]; });
      return row;
    });
  }

  function element(tag, className, text) {
    var made = document.createElement(tag);
    if (className) { made.className = className; }
    if (text) { made.textContent = text; }
    return made;
  }

  function button(text, act) {
    var made = element("button", "", text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  }

  function legend(drawing, view) {
    var box = element("div", "legend");
    var off = {};
    var marks = [];
    function show() {
      var names = Object.keys(off).filter(function (name) { return off[name]; });
      marks.forEach(function (mark) { mark.node.setAttribute("aria-pressed", String(!off[mark.name])); });
      view.signal("off", names).runAsync();
    }
    function all(hidden) {
      return function () { marks.forEach(function (mark) { off[mark.name] = hidden; }); show(); };
    }
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Shown groups");
    drawing.levels.forEach(function (level) {
      var node = button("", function () { off[level[0]] = !off[level[0]]; show(); });
      var swatch = element("span", "swatch");
      swatch.style.backgroundColor = level[1];
      node.className = "level";
      node.appendChild(swatch);
      node.appendChild(document.createTextNode(level[0]));
      node.setAttribute("aria-pressed", "true");
      marks.push({ name: level[0], node: node });
      box.appendChild(node);
    });
    if (drawing.levels.length > 2) {
      box.appendChild(button("Show all", all(false)));
      box.appendChild(button("Hide all", all(true)));
    }
    return box;
  }

  function chooser(drawings, act) {
    var label = element("label", "", "Show ");
    var list = element("select");
    drawings.forEach(function (drawing, place) {
      var option = element("option", "", drawing.label);
      option.value = String(place);
      list.appendChild(option);
    });
    list.addEventListener("change", function () { act(Number(list.value)); });
    label.appendChild(list);
    return label;
  }

  function marker(drawing, rows, view) {
    // Finds one mark among thousands by its name, from the keyboard too.
    var label = element("label", "", "Mark a " + drawing.find + " ");
    var input = element("input");
    var status = element("span", "status");
    input.type = "search";
    input.autocomplete = "off";
    input.spellcheck = false;
    status.setAttribute("role", "status");
    input.addEventListener("input", function () {
      var wanted = input.value.trim().toUpperCase();
      var found = rows.filter(function (row) { return String(row[drawing.find]).toUpperCase() === wanted; })[0];
      status.textContent = !wanted ? "" : !found ? "not among those drawn" : said(drawing, found).slice(1).join(", ");
      view.signal("sought", found ? found[drawing.find] : "").runAsync();
    });
    label.appendChild(input);
    var box = element("div", "legend");
    box.append(label, status);
    return box;
  }

  function tips(spec) {
    // What the pointer is told of a mark is what the table behind the chart shows.
    var own = spec.encoding && spec.encoding.tooltip;
    return Array.isArray(own) ? own : (spec.layer || []).map(tips).filter(function (found) { return found.length; })[0] || [];
  }

  function said(drawing, row) {
    return tips(drawing.spec).map(function (tip) { return tip.title + " " + shown(row[tip.field]); });
  }

  function shown(value) {
    return value === null || value === undefined ? "" : typeof value === "number" ? String(Number(value.toPrecision(4))) : value;
  }

  function isNumber(value) {
    return value === "" || /^[-+]?[0-9][0-9,]*(\.[0-9]+)?(e[-+]?[0-9]+)?$/.test(value);
  }

  function rowsOf(drawing, content) {
    return !drawing.only ? content.rows : content.rows.filter(function (row) {
      return row[drawing.only[0]] === drawing.only[1];
    });
  }

  function tableOf(figure, drawing, content) {
    var heads = tips(drawing.spec);
    // Corners of a curve are drawn but are no measurement: they carry no name.
    var rows = rowsOf(drawing, content).filter(function (row) { return heads.length && row[heads[0].field] !== null; });
    var values = rows.map(function (row) { return heads.map(function (head) { return shown(row[head.field]); }); });
    var box = element("div", "table");
    var scroll = element("div", "scroll");
    var table = element("table", "data");
    var caption = element("caption", "", "Behind the chart" + (drawing.label ? ", " + drawing.label : "") + (
      rows.length > MOST_ROWS ? ": the first " + MOST_ROWS + " of " + rows.length.toLocaleString("en") + " marks" : ""
    ));
    table.appendChild(caption);
    var line = table.createTHead().insertRow();
    var numeric = heads.map(function (_, place) { return values.every(function (row) { return isNumber(row[place]); }); });
    heads.forEach(function (head, place) {
      var cell = element("th", numeric[place] ? "num" : "", head.title);
      cell.scope = "col";
      line.appendChild(cell);
    });
    var body = table.createTBody();
    values.slice(0, MOST_ROWS).forEach(function (row) {
      var made = body.insertRow();
      row.forEach(function (value, place) {
        var cell = made.insertCell();
        cell.textContent = value;
        if (numeric[place]) { cell.className = "num"; }
      });
    });
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", caption.textContent);
    scroll.appendChild(table);
    box.appendChild(scroll);
    var bar = window.ohmicsTables.equip(table);
    bar.lastChild.remove();
    window.ohmicsTables.button("Download all " + rows.length.toLocaleString("en") + " rows as CSV", bar, function () {
      var names = heads.map(function (head) { return head.title; });
      window.ohmicsTables.download(figure.id, [names].concat(values));
    });
    return box;
  }

  function draw(host, content, place) {
    var drawing = content.drawings[place];
    var spec = JSON.parse(JSON.stringify(drawing.spec));
    var plot = element("div", "plot");
    var rows = rowsOf(drawing, content);
    var wide = host.clientWidth;
    spec.datasets = { rows: rows };
    // On a phone the drawing needs the room more than long names do; the pointer shows them whole.
    spec.config.axis.labelLimit = Math.min(540, Math.max(110, Math.round((wide < 640 ? 0.36 : 0.45) * wide)));
    if (content.widest) { plot.style.maxWidth = content.widest + "px"; }
    // A chart that was drawn before is taken down with its listeners.
    if (host.finalize) { host.finalize(); }
    host.textContent = "";
    host.appendChild(plot);
    return library().then(function (embed) {
      // Expressions are interpreted, not compiled: the policy forbids to make code of text.
      return embed(plot, spec, { mode: "vega-lite", ast: true, actions: false, renderer: content.renderer, logLevel: 1 });
    }).then(function (result) {
      host.finalize = result.finalize;
      if (drawing.find) { host.insertBefore(marker(drawing, rows, result.view), plot); }
      if (drawing.levels.length) { host.insertBefore(legend(drawing, result.view), plot); }
      return result;
    });
  }

  function opened(chart) {
    chart.content = chart.content || inflated(chart.getAttribute("data-gz")).then(function (text) {
      var content = JSON.parse(text);
      content.rows = asRows(content.rows);
      return content;
    });
    return chart.content;
  }

  function build(chart) {
    var figure = chart.closest("figure");
    return opened(chart).then(function (content) {
      var tools = element("div", "tools");
      var host = element("div", "host");
      var behind = element("div", "behind");
      var now = 0;
      var still = button("Still picture", function () {
        var live = figure.classList.toggle("live");
        still.setAttribute("aria-pressed", String(!live));
      });
      var table = button("Table behind the chart", function () { tell(behind.childNodes.length === 0); });
      function tell(open) {
        behind.textContent = "";
        if (open) { behind.appendChild(tableOf(figure, content.drawings[now], content)); }
        table.setAttribute("aria-expanded", String(open));
      }
      still.setAttribute("aria-pressed", "false");
      table.setAttribute("aria-expanded", "false");
      if (content.drawings.length > 1) {
        tools.appendChild(chooser(content.drawings, function (place) {
          now = place;
          draw(host, content, place);
          if (behind.childNodes.length) { tell(true); }
        }));
      }
      tools.append(still, table);
      chart.append(tools, host, behind);
      return draw(host, content, 0);
    }).then(function () { figure.classList.add("drawn", "live"); }, function (fault) {
      // The still picture stays, so nothing is lost but the answers to the pointer.
      chart.remove();
      console.error(fault);
    });
  }

  function walk(event) {
    var link = event.target.closest && event.target.closest("a.curve");
    var figure = link && document.getElementById(link.getAttribute("href").slice(1));
    var chart = figure && figure.querySelector(".chart");
    if (!chart || !window.HTMLDialogElement) { return; }
    event.preventDefault();
    opened(chart).then(function (content) {
      var dialog = element("dialog", "walk");
      var host = element("div", "host");
      var place = content.drawings.findIndex(function (drawing) { return drawing.label === link.dataset.pick; });
      dialog.setAttribute("aria-label", "Running sum of " + link.dataset.pick);
      dialog.appendChild(button("Close", function () { dialog.close(); }));
      dialog.appendChild(host);
      dialog.addEventListener("close", function () { dialog.remove(); link.focus(); });
      document.body.appendChild(dialog);
      dialog.showModal();
      draw(host, content, Math.max(place, 0));
    });
  }

  function start() {
    var charts = document.querySelectorAll(".chart[data-gz]");
    var seen = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (entry.isIntersecting) { seen.unobserve(entry.target); build(entry.target); }
      });
    }, { rootMargin: "600px 0px" });
    Array.prototype.forEach.call(charts, function (chart) { seen.observe(chart); });
    document.addEventListener("click", walk);
  }

  window.ohmicsInflated = inflated;
  if (!holder || !window.DecompressionStream || !window.IntersectionObserver) { return; }
  window.addEventListener("load", function () {
    // What is read first is painted first.
    (window.requestIdleCallback || window.setTimeout)(start);
  });
})();
