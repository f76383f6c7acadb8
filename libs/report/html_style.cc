#include "libs/report/html_style.h"

namespace convrec::report {

const char kPageStyle[] = R"css(
:root {
  color-scheme: light dark;
  --page: #f7f7f5; --card: #ffffff; --ink: #14140f; --soft: #55554e; --muted: #84847b; --line: #e5e4de;
  --axis: #b9b8b0; --hover: rgba(20, 20, 15, .05); --good: #0a7a35; --good-soft: #e3f4e8; --flag: #9a4a00;
  --c1: #2a78d6; --c2: #d9591e; --c3: #159a6b; --c4: #5b48c2; --c5: #c08400; --c6: #d2558a;
  --heat: #0f4c97; --cold: #c2410c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131312; --card: #1c1c1a; --ink: #f3f2ec; --soft: #bdbcb3; --muted: #8d8c84; --line: #32322f;
    --axis: #5a5953; --hover: rgba(255, 255, 255, .06); --good: #5fd28a; --good-soft: #16301f; --flag: #f0a35c;
    --c1: #4a94ee; --c2: #e8743f; --c3: #25ad7e; --c4: #9a8ff0; --c5: #d19a1a; --c6: #e0709f;
    --heat: #8fc0ff; --cold: #ff9a62;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif;
}
main { max-width: 1180px; margin: 0 auto; padding: 36px 24px 64px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 44px 0 4px; letter-spacing: -.005em; }
p { margin: 0; }
.lead { color: var(--soft); max-width: 75ch; }
.lead + * { margin-top: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px; margin-top: 24px; }
.tile { padding: 14px 16px 12px; }
.tile span { display: block; color: var(--soft); font-size: 13px; }
.tile strong { display: block; font-size: 27px; font-weight: 620; line-height: 1.25; letter-spacing: -.015em; }
.tile small { color: var(--muted); font-size: 12.5px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 7px 18px; border-top: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: 13px; }
tr.headline td { font-weight: 650; }
tr.break td { border-top: 2px solid var(--line); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 14px; }
figure { margin: 0; padding: 14px 16px 10px; display: flex; flex-direction: column; }
figcaption b { display: block; font-weight: 620; }
figcaption span { color: var(--soft); font-size: 13px; line-height: 1.4; display: block; }
figure svg { width: 100%; height: auto; display: block; margin-top: auto; padding-top: 6px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin-top: 6px; font-size: 12.5px; color: var(--soft); }
.legend span { display: inline-flex; align-items: center; }
.legend i { width: 14px; height: 3px; border-radius: 2px; margin-right: 6px; background: currentColor; }
.legend b { width: 18px; height: 11px; margin: 0 1px; background: var(--heat); }
.legend b:first-of-type { margin-left: 6px; }
.legend b:last-of-type { margin-right: 6px; }
.legend b.negative { background: var(--cold); }
svg text { font-size: 11px; fill: var(--muted); font-variant-numeric: tabular-nums; }
svg text.value { fill: var(--ink); font-weight: 600; }
.grid { stroke: var(--line); stroke-width: 1; fill: none; }
.axis { stroke: var(--axis); stroke-width: 1; fill: none; }
.reference { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 4 4; fill: none; }
.line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.faint { stroke-width: 1; opacity: .32; }
.dot { fill: currentColor; stroke: var(--card); stroke-width: 1.5; }
.area { fill: currentColor; stroke: var(--card); stroke-width: 1; fill-opacity: .88; }
.heat { fill: var(--heat); }
.heat.negative { fill: var(--cold); }
.hit rect { fill: transparent; }
.hit path { stroke: none; fill: none; }
.hit:hover rect { fill: var(--hover); }
.hit:hover path { stroke: var(--axis); }
.c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); }
.sample { padding: 16px 18px; margin-top: 14px; }
.sample h3 { margin: 0 0 8px; font-size: 13px; color: var(--muted); font-weight: 500; overflow-wrap: anywhere; }
.conversation { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
details summary { cursor: pointer; color: var(--soft); font-size: 13px; }
.truth { margin-top: 10px; display: flex; flex-wrap: wrap; gap: 6px; align-items: baseline; font-size: 13px; }
.truth em { font-style: normal; color: var(--soft); }
.truth span { border: 1px solid var(--line); border-radius: 99px; padding: 1px 10px; }
.truth span.found { border-color: var(--good); color: var(--good); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(360px, 100%), 1fr)); gap: 8px 28px; margin-top: 14px; }
.pair h4 { margin: 0 0 4px; font-size: 13px; font-weight: 620; }
.pair h4 small { font-weight: 400; color: var(--soft); margin-left: 6px; }
ol.list { margin: 0; padding: 0; list-style: none; font-size: 13.5px; }
ol.list li {
  display: grid; grid-template-columns: 24px 16px minmax(0, 1fr) auto; gap: 4px; padding: 2px 6px; border-radius: 5px;
  align-items: baseline;
}
ol.list li > span:first-child { color: var(--muted); text-align: right; padding-right: 4px; font-variant-numeric: tabular-nums; }
ol.list li > span:nth-child(3) { overflow-wrap: anywhere; }
ol.list li.hit-line { background: var(--good-soft); color: var(--good); font-weight: 600; }
ol.list li.bad > span:nth-child(3) { color: var(--soft); }
ol.list em { font-style: normal; font-size: 11.5px; color: var(--flag); white-space: nowrap; }
.facts { padding: 6px 0; }
.facts td { white-space: normal; overflow-wrap: anywhere; text-align: left; vertical-align: top; }
.facts td:first-child { color: var(--soft); width: 190px; }
.facts tr:first-child td { border-top: 0; }
ul.notes { padding: 14px 18px 14px 36px; margin: 16px 0 0; }
ul.notes li { margin: 3px 0; max-width: 95ch; }
footer { margin-top: 40px; color: var(--muted); font-size: 12.5px; }
@media print { body { background: none; } .card { break-inside: avoid; } }
)css";

}  // namespace convrec::report
