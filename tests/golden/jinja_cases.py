"""Small templates that show each construct of the language once, for make_jinja_golden.py.

Each is (template, variables). What transformers renders of them, or that it raises an exception, is
what libs/jinja must do.
"""

ROWS = [{"name": "Ann", "age": 31, "tags": ["x", "Y"], "at": {"city": "Ulm"}},
        {"name": "bob", "age": 7, "tags": [], "at": {"city": "Bonn"}},
        {"name": "Cid", "age": 31, "at": {"city": "ulm"}}]
V = {"s": "Hello", "n": 7, "f": 2.5, "b": True, "none_value": None, "xs": [1, 2, 3], "rows": ROWS,
     "d": {"b": 1, "a": 2, "C": 3}, "html": "<a href='x'>&\"</a>", "pad": " \t x \u00a0\n", "empty": "",
     "uni": "Straße ǆ İ ΑΣ ﬁ", "long": "the quick brown fox jumps over the lazy dog", "neg": -7,
     "nested": {"items": [1, {"k": "v"}], "get": 5}, "multi": "a\nb\n\nc", "big": 1e22, "small": 1e-7}

# Separated by lines of "====".
WHITESPACE = r"""a {%- if true %} b {%- endif %} c
====
a {% if true -%} b {% endif -%} c
====
  {% if true %}
  x
  {% endif %}
y
====
  {%+ if true %}
  x
  {%+ endif %}
y
====
x {{- ' y ' -}} z
====
x {{+ ' y ' }} z
====
{# comment #}
x
====
a {#- comment -#} b
====
a {# no newline is
   left #}
b
====
   {# indented #}
b
====
{% raw %}{{ x }} {% y %}{% endraw %}
====
a {%- raw -%}  {{ x }}  {%- endraw -%} b
====
  {% raw %}
 r
  {% endraw %}
e
====
{% set x = 1 %}
{{ x }}
====
{% if false %}a{% else %}

b{% endif %}
====
   {{ s }}   
	{% for i in [1] %}	
	{{ i }}	
	{% endfor %}
z
====
{{ s }}

{{ s }}


====
a{% if true +%}
b{% endif %}
====
{%- for x in xs -%}
  {{ x }}
{%- endfor -%}
====
{{ '{{ }}' }}{{ '%}' }}{{ "#}" }}
====
{{ {'a': {'b': 1}}['a']['b'] }}{{ {'a': {}} }}
====
{#
#}{{ s }}
====
text with {single} braces and # signs % here {
====
{% if true %}{% endif %}

====
x
{%- if true %}

y
{%- endif %}

z
====
{{ s -}}

  tail
====
{% set x %}
  {{ s }}
{% endset %}
[{{ x }}]
====
 {% if true %} {% if true %} x {% endif %} {% endif %} y
====
{% for x in xs %}
{{ x }}
{% endfor %}

end
====
{{ [1,
    2] }}{{ "a
b" }}
====
a {%- if true %}b{% endif %}
====
""".replace("\\u2003", "\u2003")

EXPRESSIONS = r"""{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ -2 ** 2 }}
{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 1e3 }} {{ 1_000 }} {{ 0x1f }} {{ 0b101 }} {{ 0o17 }} {{ 1.5e-3 }} {{ 2.0 }}
{{ 1 / 3 }} {{ big }} {{ small }} {{ 1e16 }} {{ 123456789012345680.0 }} {{ 0.1 + 0.2 }} {{ 100.0 }} {{ 1e15 }}
{{ true + true }} {{ true }} {{ none }} {{ True and False }} {{ None }} {{ not b }} {{ 1 == 1.0 }} {{ true == 1 }}
{{ 'a' + 'b' }} {{ 'a' ~ 1 ~ none ~ 2.0 }} {{ 'ab' * 3 }} {{ 3 * 'ab' }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ [0] * 3 }}
{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ (1, 'a') < (1, 'b') }} {{ 3 >= 3 }} {{ 2 != 2.0 }}
{{ 'ell' in s }} {{ 'x' not in s }} {{ 2 in xs }} {{ 'a' in d }} {{ 'z' in d }} {{ none in [none] }} {{ 1 in missing }}
{{ s[0] }} {{ s[-1] }} {{ s[1:3] }} {{ s[::-1] }} {{ s[::2] }} {{ s[-3:] }} {{ s[:100] }} {{ s[99] }}| {{ xs[1:] }} {{ xs[::-1] }} {{ xs[5] }}|
{{ uni[1:5] }} {{ uni | length }} {{ uni[::-1] }} {{ xs[-1] }} {{ xs[:-1] }} {{ (1, 2, 3)[1:] }} {{ xs[2:0:-1] }}
{{ d.a }} {{ d['b'] }} {{ d.missing }}| {{ d['missing'] }}| {{ nested['items'][1].k }} {{ d.get('a') }} {{ d.get('q', 5) }} {{ d.get('q') }}
{{ rows[0].at.city }} {{ rows[0]['at']['city'] }} {{ rows.0.name }} {{ rows[1].tags[0] }}|
{{ 'yes' if b else 'no' }} {{ 'yes' if not b }}| {{ 1 if none_value else 2 if empty else 3 }}
{{ [1, 'a', none, true, 2.5, [], {}, (), (1,), {'k': 'v', 1: none}] }}
{{ "it's" ~ ["it's", 'say "x"', 'both \' and "', 'tab\t nl\n bs\\ \x00 \x7f é \u200b 漢 \U0001F600'] }}
{{ 'a\tb\nc\\d\'e\"f\x41\u00e9\101\q' }} {{ "joined " "strings" }}
{{ (1, 2) }} {{ 1, 2 }} {{ (1) }} {{ () }} {{ d }} {{ d.items() }} {{ d.keys() }} {{ d.values() }} {{ range(3) }} {{ range(1, 7, 2) }}
{{ missing }}|{{ missing is defined }}{{ missing == other }}{{ missing | default('x') }}
{{ 1 if [] else 2 }} {{ 1 if {} else 2 }} {{ 1 if '' else 2 }} {{ 1 if 0.0 else 2 }} {{ 1 if '0' else 2 }} {{ [] or 'x' }} {{ 0 and 1 }} {{ 'a' and 'b' }}
{{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2) }} {{ dict([('p', 1)]) }} {{ {'a': 1, 'a': 2} }} {{ {1: 'i', 1.0: 'f', true: 't'} }}
{{ -n }} {{ +n }} {{ - f }} {{ n - -1 }} {{ 2 - 1 - 1 }} {{ 2 ** 3 ** 0 }} {{ not 1 == 2 }} {{ 1 + 1 ~ 2 + 2 }}
{{ "%s is %d or %5.2f%%" % ('x', 3.9, 2.345) }} {{ "%(a)s-%(b)03d" % {'a': 1, 'b': 7} }} {{ '%r' % 'q' }} {{ '%x %X %o %e %g %c' % (255, 255, 8, 12345.678, 0.0001, 'z') }}
{{ '%-5s|%5s|%+d|% d|%05d|%.2s' % ('a', 'b', 3, 4, -5, 'xyz') }} {{ '%s' % [1, 'a'] }} {{ '%s' % none }}
{{ "{} {1}" }} {{ "{} {}".format(1, 'a') }} {{ "{0}{1}{0}".format('a', 'b') }} {{ "{x}-{y.a}-{z[0]}".format(x=1, y=d, z=xs) }} {{ "{{}} {:>5}|{:<5}|{:^5}|{:*^7}".format('a', 'b', 'c', 'd') }}
{{ "{:05d} {:+d} {:,} {:.2f} {:e} {:%} {:x} {:#x} {:b} {!r} {!s:>4}".format(42, 5, 1234567, 3.14159, 1234.5, 0.256, 255, 255, 5, 'q', 'w') }}
{{ "{:05}|{:<05}|{:5}|{:5}|{}".format('ab', 'ab', true, 2.5, true) }} {{ "{:{}}|".format('x', 4) }} {{ "{:.3}|{:.3}".format('abcdef', 3.14159) }}
{{ rows[0].age * 2 + rows[1]['age'] }} {{ rows | map(attribute='name') | join(',') }}
{{ 1 is odd and 2 is even }} {{ 1 is not odd }} {{ not 1 is odd }} {{ 6 is divisibleby 3 }} {{ 6 is divisibleby(4) }}
{{ xs | length > 2 and xs | first == 1 }} {{ xs | length + 1 }} {{ -xs | length }} {{ (xs | sum) / 2 }}
{{ 'a' 'b' | upper }} {{ ('a' ~ 'b') | upper }} {{ 'x' | upper ~ 'y' | upper }}
{{ s is string and n is number and f is float and n is integer and b is boolean and b is true and none_value is none }}
{{ d is mapping, d is sequence, d is iterable, xs is sequence, xs is mapping, s is iterable, n is iterable, d.items() is sequence, missing is sequence, missing is iterable }}
{{ true is number, true is integer, 1.0 is integer, 1 is float, 'a' is lower, 'A' is upper, 'a1' is lower, '1' is lower, s is sameas s, 1 is sameas 1.0 }}
{{ 3 is gt 2, 3 is ge 3, 3 is lt 2, 3 is le 2, 3 is eq 3, 3 is ne 3, 'a' is in 'abc', 2 is in xs, 'upper' is filter, 'odd' is test, 'nope' is filter }}
{{ namespace is callable, s is callable, s.upper is callable, missing is undefined, missing is callable, ('x' | safe) is escaped, 'x' is escaped }}
{{ 'x' * 0 }}| {{ 'x' * -1 }}| {{ [] == () }} {{ [1] == [1.0] }} {{ {'a': [1]} == {'a': [1]} }} {{ 'a' == none }} {{ none == missing }}
{{ 9223372036854775807 }} {{ -9223372036854775807 }} {{ 9007199254740993 }}
{{ {'b': 1}.b }} {{ [1, 2][1] }} {{ 'abc'.upper() }} {{ 'abc'[1] }} {{ (1, 2)[0] }} {{ 1.5 }} {{ [[1, 2], [3]][0][1] }}
"""

STRING_METHODS = r"""{{ s.upper() }} {{ s.lower() }} {{ s.title() }} {{ s.capitalize() }} {{ s.swapcase() }} {{ 'ß Ǆ'.casefold() }} {{ uni.upper() }} {{ uni.lower() }} {{ uni.title() }} {{ uni.capitalize() }} {{ 'ΑΣ ΑΣΑ'.lower() }}
[{{ pad.strip() }}] [{{ pad.lstrip() }}] [{{ pad.rstrip() }}] [{{ 'xxaxx'.strip('x') }}] [{{ 'abcba'.lstrip('ab') }}] [{{ 'abc'.rstrip('') }}] [{{ ' a '.strip(none) }}] [{{ 'éaé'.strip('é') }}]
{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ 'a b c'.rsplit(' ', 1) }} {{ ' a  b  c '.split(none, 1) }} {{ ' a  b  c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'aXXbXXc'.rsplit('XX', 1) }} {{ 'a,b,c'.split(',', maxsplit=1) }} {{ 'aaa'.rsplit('aa') }}
{{ multi.splitlines() }} {{ 'a\r\nb\rc\x0bd\x1ce\u2028f'.splitlines() }} {{ 'a\nb\n'.splitlines(true) }} {{ 'a\n\n'.splitlines() }}
{{ s.startswith('He') }} {{ s.endswith('lo') }} {{ s.startswith(('x', 'H')) }} {{ s.startswith('l', 2) }} {{ s.endswith('l', 0, 4) }} {{ ''.startswith('') }} {{ s.startswith('') }} {{ s.startswith('', 9) }}
{{ s.find('l') }} {{ s.rfind('l') }} {{ s.find('z') }} {{ s.index('e') }} {{ s.find('l', 3) }} {{ s.count('l') }} {{ 'aaaa'.count('aa') }} {{ 'abc'.count('') }} {{ 'éaé'.find('a') }} {{ 'éaé'.rfind('é') }} {{ 'abc'.find('', 3) }} {{ 'abc'.find('', 4) }} {{ 'banana'.find('a', -3, -1) }}
{{ s.replace('l', 'L') }} {{ s.replace('l', 'L', 1) }} {{ 'aaa'.replace('', '-') }} {{ 'abc'.replace('b', '') }} {{ 'aaa'.replace('aa', 'b') }} {{ ''.replace('', 'x') }}
{{ ','.join(['a', 'b']) }} {{ ''.join([]) }} {{ '-'.join('abc') }} {{ '-'.join(d) }}
{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('=') }} {{ 'abc'.rpartition('=') }}
[{{ 'a'.ljust(3) }}] [{{ 'a'.rjust(3, '.') }}] [{{ 'a'.center(4) }}] [{{ 'ab'.center(5, '*') }}] [{{ 'abc'.center(2) }}] [{{ '-5'.zfill(4) }}] [{{ '5'.zfill(0) }}] [{{ 'é'.center(4, '·') }}]
{{ 'unhappy'.removeprefix('un') }} {{ 'files'.removesuffix('s') }} {{ 'x'.removeprefix('y') }}
{{ 'abc'.isalpha() }} {{ 'a1'.isalnum() }} {{ '12'.isdigit() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '½'.isnumeric() }} {{ ' \t'.isspace() }} {{ ''.isspace() }} {{ 'ab'.islower() }} {{ 'AB1'.isupper() }} {{ 'Ab Cd'.istitle() }} {{ 'a\n'.isprintable() }} {{ ''.isprintable() }} {{ 'é'.isascii() }} {{ '漢'.isalpha() }} {{ 'ǅ'.istitle() }}
{{ xs.index(2) }} {{ xs.count(2) }} {{ (1, 2, 1).count(1) }} {{ d.copy() }} {{ d.keys() | list }} {{ d.values() | list }} {{ d.items() | list }}
{{ 'x'.join(xs | map('string')) }} {{ (s | list).index('l') }} {{ s.upper().lower().title() }}
"""

FILTERS = r"""{{ s | upper }} {{ s | lower }} {{ 'hello world-wide (web) [x] <y>' | title }} {{ 'hELLO wORLD' | capitalize }} {{ pad | trim }}| {{ 'xxaxx' | trim('x') }} {{ n | string }} {{ none | string }} {{ [1] | string }}
{{ s | length }} {{ xs | count }} {{ d | length }} {{ missing | length }} {{ s | reverse }} {{ xs | reverse | list }} {{ xs | first }} {{ xs | last }} {{ [] | first }}| {{ [] | last }}| {{ s | first }} {{ s | last }} {{ d | first }}
{{ xs | join(', ') }} {{ xs | join }} {{ rows | join('|', attribute='name') }} {{ s | join('-') }} {{ missing | join(',') }}| {{ [none, 1, 'a'] | join('/') }}
{{ missing | default('x') }} {{ none | default('x') }} {{ '' | default('x', true) }} {{ none | d('x', true) }} {{ 0 | default(5, boolean=true) }} {{ missing | default }}| {{ missing | d(none) }}
{{ [3, 1, 2] | sort }} {{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A', 'c'] | sort(case_sensitive=true) }} {{ [3, 1, 2] | sort(reverse=true) }} {{ rows | sort(attribute='age') | map(attribute='name') | list }} {{ rows | sort(attribute='age,name') | map(attribute='name') | list }} {{ rows | sort(reverse=true, attribute='age') | map(attribute='name') | list }} {{ rows | sort(attribute='at.city') | map(attribute='at.city') | list }}
{{ d | dictsort }} {{ d | dictsort(true) }} {{ d | dictsort(false, 'value') }} {{ d | dictsort(reverse=true) }} {{ d | items | list }} {{ missing | items | list }}
{{ [1, 1.0, 'a', 'A', 'b'] | unique | list }} {{ ['a', 'A'] | unique(true) | list }} {{ rows | unique(attribute='age') | map(attribute='name') | list }}
{{ xs | min }} {{ xs | max }} {{ ['b', 'A'] | min }} {{ rows | max(attribute='age') }} {{ [] | max }}| {{ xs | sum }} {{ rows | sum(attribute='age') }} {{ xs | sum(start=10) }} {{ [] | sum }}
{{ rows | map(attribute='name') | list }} {{ rows | map(attribute='tags.0', default='-') | list }} {{ ['a', 'b'] | map('upper') | list }} {{ [' a '] | map('trim') | map('replace', 'a', 'b') | join }} {{ xs | map('string') | join('+') }} {{ [] | map('upper') | list }}
{{ xs | select('odd') | list }} {{ xs | reject('odd') | list }} {{ [0, 1, '', 'a'] | select | list }} {{ [0, 1, ''] | reject | list }} {{ rows | selectattr('tags') | map(attribute='name') | list }} {{ rows | selectattr('age', 'equalto', 31) | map(attribute='name') | join(' ') }} {{ rows | rejectattr('age', '==', 31) | map(attribute='name') | join(' ') }} {{ rows | selectattr('tags', 'defined') | list | length }} {{ rows | rejectattr('tags') | list | length }} {{ xs | select('gt', 1) | list }} {{ xs | select('in', [1, 3]) | list }}
{{ rows | groupby('age') | map('first') | list }} {% for age, people in rows | groupby('age') %}{{ age }}:{{ people | map(attribute='name') | join(',') }};{% endfor %} {% for g in rows | groupby('at.city') %}{{ g.grouper }}={{ g.list | length }} {% endfor %}
{{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 'x') | list }} {{ [1, 2, 3, 4, 5] | slice(3) | list }} {{ [1, 2, 3, 4] | slice(3, 'x') | list }}
{{ s | replace('l', 'L') }} {{ s | replace('l', 'L', 1) }} {{ 123 | replace(2, 'x') }} {{ html | replace('<', '[') }}
{{ '42' | int }} {{ '42.9' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ '0x1f' | int(base=16) }} {{ '11' | int(0, 2) }} {{ 3.9 | int }} {{ -3.9 | int }} {{ true | int }} {{ none | int }} {{ ' 5 ' | int }} {{ '1_000' | int }} {{ '1e3' | int }} {{ '-12' | int }} {{ [] | int }}
{{ '2.5' | float }} {{ 'x' | float }} {{ 'x' | float(1.5) }} {{ 3 | float }} {{ '1e3' | float }} {{ 'inf' | float }} {{ '-inf' | float }} {{ 'nan' | float }} {{ none | float }}
{{ 2.5 | round }} {{ 3.5 | round }} {{ 2.675 | round(2) }} {{ 42.55 | round(1, 'floor') }} {{ 42.51 | round(1, 'ceil') }} {{ 42 | round }} {{ 1234.5 | round(-2) }} {{ 2.5 | round | int }} {{ -2.5 | round }} {{ 0.5 | round }} {{ 3 | round(1, 'floor') }}
{{ -5 | abs }} {{ 2.5 | abs }} {{ (0 - 2.5) | abs }} {{ xs | list }} {{ s | list }} {{ d | list }} {{ range(3) | list }}
{{ multi | indent }} | {{ multi | indent(2, true) }} | {{ multi | indent(2, blank=true) }} | {{ multi | indent('> ', first=true) }} | {{ '' | indent }} | {{ 'a\n' | indent(2) }}
{{ long | truncate(20) }} {{ long | truncate(20, true) }} {{ long | truncate(20, false, '…', 0) }} {{ 'short' | truncate(3, leeway=5) }} {{ long | truncate(255) }}
[{{ 'a' | center(5) }}] {{ long | wordcount }} {{ "it's a-b é_c 12" | wordcount }} {{ 'a b/c?é&' | urlencode }}
{{ '%s-%s' | format(1, 'b') }} {{ '%(x)s' | format(x=3) }} {{ 'no' | format }} {{ d | attr('items') is callable }} {{ d | attr('nope') }}|
{{ html | escape }} {{ html | e }} {{ html | safe }} {{ html | e | e }} {{ html | e | forceescape }} {{ ('<' | safe) + '<' }} {{ '<' + ('<' | safe) }} {{ ('<' | safe) ~ '<' }} {{ ('%s' | safe) % '<' }} {{ ('{}' | safe).format('<') }} {{ ('a<' | safe).replace('a', '<') }} {{ ('<' | safe).join(['<', 'x']) }} {{ ('<a>' | safe).upper() + '<' }} {{ ['<' | safe, '<'] | join('<') }} {{ ['<' | safe] }} {{ ('<' | safe) * 2 + '<' }} {{ ('<x' | safe)[0] + '<' }} {{ ('a b' | safe).split()[0] + '<' }} {{ ('<' | safe) | string + '<' }} {{ ('<' | safe) | upper + '<' }} {{ ('<' | safe) | trim + '<' }} {{ ('<' | safe) | replace('x', 'y') + '<' }}
{{ xs | tojson }} {{ d | tojson }} {{ {'a': [1, {'b': none}], 'c': true, 'd': 1.0, 'e': 'é"\\\n\t\x01</x>', 1: 2, none: 3, false: 4} | tojson }} {{ uni | tojson(ensure_ascii=true) }} {{ '😀' | tojson(ensure_ascii=true) }} {{ '\x7f' | tojson(ensure_ascii=true) }}
{{ {'b': [1, 2], 'a': {}, 'c': []} | tojson(indent=2) }} {{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }} {{ [1, {'a': 2}] | tojson(separators=(',', ':')) }} {{ {'a': [1]} | tojson(indent=4, sort_keys=true) }} {{ {'a': [1]} | tojson(indent='\t') }} {{ 1e22 | tojson }} {{ (1, 2) | tojson }} {{ 'x' | safe | tojson }} {{ ('nan' | float) | tojson }} {{ [1] | tojson(indent=0) }}
{{ xs | map('multiply') | list if false else 'skipped' }}
{% filter upper %}a {{ s }} b{% endfilter %} {% filter replace('a', 'b') | upper %}banana{% endfilter %} {% filter indent(2) %}x{{ multi }}y{% endfilter %}
"""

STATEMENTS = r"""{% for x in xs %}{{ loop.index }}/{{ loop.length }}:{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for x in xs %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}
{% for x in xs %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}{% for x in xs %}{{ loop.cycle('a', 'b') }}{% endfor %}
{% for x in [1, 1, 2, 2, 1] %}{% if loop.changed(x) %}[{{ x }}]{% endif %}{% endfor %}
{% for x in xs if x is odd %}{{ x }}{{ loop.length }}{% if loop.last %}!{% endif %}{% else %}none{% endfor %}
{% for x in [] %}x{% else %}empty{% endfor %}{% for x in missing %}x{% else %}undefined{% endfor %}{% for x in xs if x > 9 %}{% else %}filtered{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for k, v in d | dictsort %}{{ k }}{{ v }}{% endfor %}{% for c in 'añ' %}<{{ c }}>{% endfor %}
{% for a, b in [(1, 2), [3, 4], 'xy'] %}{{ a }}-{{ b }} {% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for x in xs %}{% for y in xs %}{{ x * y }}{% if loop.last %}{{ loop.index }}{% endif %} {% endfor %}{{ loop.index }}|{% endfor %}
{% for x in xs %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}{% for x in xs %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in xs recursive %}{{ x }}{% endfor %}{% for n in [{'v': 1, 'c': [{'v': 2, 'c': [{'v': 3}]}, {'v': 4}]}] recursive %}({{ n.v }}@{{ loop.depth }}{{ loop(n.c) if n.c }}){% endfor %}
{% for x in range(3) %}{{ x }}{% endfor %}{% for x in range(5, 0, -2) %}{{ x }}{% endfor %}{% for x in xs | map('string') %}{{ x }}{{ loop.length }}{{ loop.last }}{% endfor %}
{% set x = 1 %}{% for i in xs %}{{ x }}{% set x = i * 10 %}{{ x }} {% endfor %}{{ x }}
{% set ns = namespace(n=0, seen=[]) %}{% for i in xs %}{% set ns.n = ns.n + i %}{% set ns.seen = ns.seen + [i] %}{% endfor %}{{ ns.n }}{{ ns.seen }}{{ ns.nope }}|{{ ns['n'] }}{{ ns.nope is defined }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{% set ns.c %}block {{ ns.a }}{% endset %}{{ ns.c }}{{ ns }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set a, b = b, a %}{{ a }}{{ b }}{% set (p, q) = 'xy' %}{{ p }}{{ q }}{% set t = 1, 2 %}{{ t }}
{% set x %}captured {{ s }}{% endset %}[{{ x }}]{% set y | upper | replace('A', 'b') %}a{{ s }}{% endset %}{{ y }}{{ x is string }}{% set z %}{% set inner = 5 %}{{ inner }}{% endset %}{{ z }}{{ inner is defined }}
{% if b %}{% set late = 1 %}{% endif %}{{ late }}{% if not b %}{% set s = 'other' %}{% endif %}{{ s }}
{% if n == 1 %}one{% elif n == 7 %}seven{% elif true %}never{% else %}other{% endif %}{% if missing %}a{% elif none_value %}b{% else %}c{% endif %}
{% macro m(a, b=2, c='z') %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 5) }}{{ m(1, c='y') }}{{ m() }}{{ m(a='k') }}{{ m.name }}{{ m.arguments }}
{% macro m(a, b=a ~ '!') %}{{ a }}{{ b }}{% endmacro %}{{ m('x') }}{% macro r(n) %}{{ n }}{% if n > 0 %}{{ r(n - 1) }}{% endif %}{% endmacro %}{{ r(3) }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}{% macro k(a) %}{{ a }}{{ kwargs.b }}{% endmacro %}{{ k(1, b=2) }}{{ m(*[1, 2], **{'z': 9}) }}
{% set g = 'global' %}{% macro m() %}{{ g }}{% set g = 'local' %}{{ g }}{% endmacro %}{{ m() }}{{ g }}{% set g = 'changed' %}{{ m() }}
{% macro show() %}{{ after }}{% endmacro %}{% set after = 'set later' %}{{ show() }}{% macro upper_it(x) %}{{ x | upper }}{% endmacro %}{{ upper_it('a') ~ 'b' }}{{ upper_it('q') | length }}
{% macro box(title) %}<{{ title }}>{{ caller() }}</>{% endmacro %}{% call box('t') %}body {{ s }}{% endcall %}{% macro each(items) %}{% for i in items %}{{ caller(i, loop.index) }}{% endfor %}{% endmacro %}{% call(x, i) each(xs) %}{{ i }}:{{ x }} {% endcall %}
{% macro maybe() %}{% if caller is defined and caller %}has{% else %}no{% endif %}{% endmacro %}{{ maybe() }}{% call maybe() %}x{% endcall %}
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% set c = 3 %}{{ c }}{% endwith %}{{ a is defined }}{{ c is defined }}{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q is defined }}{% with s = s ~ '!' %}{{ s }}{% endwith %}{{ s }}
{% generation %}gen {{ s }}{% set inside = 1 %}{% endgeneration %}{{ inside is defined }}{% for x in xs %}{% generation %}{{ x }}{{ loop.index }}{% endgeneration %}{% endfor %}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = joiner('-') %}{% for x in xs %}{{ j() }}{{ x }}{% endfor %}
{% print s %}{% set f = s.upper %}{{ f() }}{% set get = d.get %}{{ get('a') }}
{{ strftime_now('%Y-%m-%d %H:%M:%S %d %b %Y %A %B %j %%') }}
{% for x in xs %}{% set loop_copy = loop %}{% for y in [1] %}{{ loop_copy.index }}{{ loop.index }} {% endfor %}{% endfor %}
{% for m in rows %}{% if loop.index0 > 0 and rows[loop.index0 - 1].age == m.age %}same{% endif %}{{ m.name }}{% endfor %}
{% set total = namespace(v=0) %}{% for r in rows if total.v < 32 %}{% set total.v = total.v + r.age %}{{ r.name }}{% endfor %}
{%- macro outer() -%}{%- macro inner(x) -%}[{{ x }}]{%- endmacro -%}{{ inner(1) }}{{ inner(2) }}{%- endmacro -%}{{ outer() }}
{% set items = [] %}{% for x in xs %}{% set items = items + [x] %}{% endfor %}{{ items }}
{% if xs: %}colon{% endif %}{% for x in xs: %}{{ x }}{% endfor %}
{% for x in xs %}{% if loop.first %}{% set first_seen = x %}{% endif %}{{ first_seen is defined }}{% endfor %}{{ first_seen is defined }}
{% for i in range(2) %}{% macro mm() %}{{ i }}{% endmacro %}{{ mm() }}{% endfor %}
{% set x = 5 %}{% set x = x + 1 %}{{ x }}{% set y = x if x > 9 else none %}{{ y }}{% set z = y or 'd' %}{{ z }}
"""

ERRORS = r"""{{ missing.attr }}
{{ missing['key'] }}
{{ missing + 1 }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ none + 1 }}
{{ 'a' < 1 }}
{{ 1 in 5 }}
{{ 1 in 'abc' }}
{{ none | length }}
{{ 5 | list }}
{{ 1 / 0 }}
{{ 1 % 0 }}
{{ missing() }}
{{ s() }}
{{ d.nope }}|
{{ xs.append(4) }}
{{ d.update({}) }}
{{ d.pop('a') }}
{{ xs.append }}|{{ xs.append is defined }}
{{ raise_exception('no ' ~ s) }}
{% if not b %}{{ raise_exception('x') }}{% endif %}fine
{% for x in 5 %}{% endfor %}
{% for x in none %}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{% endfor %}
{% set a, b = [1] %}
{% set s.x = 1 %}
{% set ns = namespace() %}{% set ns._x = 1 %}
{{ namespace(_a=1) }}
{{ missing | tojson }}
{{ [missing] | tojson }}
{{ range | tojson }}
{{ missing | trim }}|{{ none | trim }}
{{ none.x }}|{{ none.x.y }}
{{ none['x'] }}|
{{ d[1:] }}
{{ xs['a'] }}|{{ xs[1.5] }}|
{{ 'abc'.index('z') }}
{{ xs.index(9) }}
{{ 'a'.split('') }}
{{ s.upper(1) }}
{{ s.replace('a') }}
{{ '%d' % 'a' }}
{{ '%s %s' % 'a' }}
{{ '%s' % ('a', 'b') }}
{{ '{}'.format() }}
{{ '{:d}'.format('a') }}
{{ range(1000000) }}
{{ {[]: 1} }}
{{ {} in {} }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro m(a) %}[{{ a }}]{{ a.x }}{% endmacro %}{{ m() }}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{{ [1, 'a'] | sort }}
{{ xs | map('nope') | list }}
{{ xs | select('nope') | list }}
{{ d | dictsort(by='x') }}
{{ rows | map(attribute='tags') | join(',') }}
{{ 'x' | int.y }}
{{ missing | abs }}
{{ 5 | first }}
{{ ([] | first).x }}
{{ (1 if false) + 1 }}
{{ loop.index }}
{% for x in xs %}{% endfor %}{{ loop is defined }}{{ x is defined }}
{{ s | indent(-3) }}
{{ 1.5 | round(1, 'up') }}
{{ xs | sum('x') }}
{{ 'a' | attr('upper') is callable }}
{{ dict(1) }}
{{ strftime_now() }}
{{ xs[::0] }}
{{ -'a' }}
{{ 'a' * 'b' }}
{{ [] - [] }}
{{ xs | join(attribute='x.y') }}
{{ missing is odd }}
{{ 'x'.join([1]) }}
"""

BROKEN = r"""{{ }}
{{ a
{% if %}x{% endif %}
{% if x %}
{% endif %}
{% for %}{% endfor %}
{% for x xs %}{% endfor %}
{% for x in xs %}
{% set %}
{% set 1 = 2 %}
{% set true = 1 %}
{% nope %}
{% endfor %}
{% if a %}{% endfor %}
{{ a | }}
{{ a | nope }}
{{ a is nope }}
{{ a is }}
{{ (1 }}
{{ [1 }}
{{ {1} }}
{{ {1: } }}
{{ 1) }}
{{ a.1.b.'c' }}
{{ 'abc }}
{{ a ! b }}
{{ a && b }}
{{ a b }}
{{ a ? b : c }}
{% macro %}{% endmacro %}
{% macro m(a=1, b) %}{% endmacro %}
{% call x %}{% endcall %}
{# never
{% break %}
{% extends 'x' %}
{% include 'x' %}
{% import 'x' as y %}
{% do x %}
{{ a[] }}
{{ a(b=1, 2) }}
{{ a is odd is even }}
{{ f(**a, *b) }}
{% for loop in xs %}{% endfor %}
{{ 1 if }}
{% filter %}x{% endfilter %}
{% filter nope %}x{% endfilter %}
{% with a %}{% endwith %}
{% elif x %}
{{ not }}
{{ * }}
{{ x | upper( }}
"""


def cases():
    """(group, template) of all; the variables are V."""
    yield from (("whitespace", template) for template in WHITESPACE.split("\n====\n"))
    groups = {"expressions": EXPRESSIONS, "string methods": STRING_METHODS, "filters": FILTERS,
              "statements": STATEMENTS, "errors": ERRORS, "broken": BROKEN}
    for group, text in groups.items():
        yield from ((group, template) for template in text.strip("\n").split("\n"))
