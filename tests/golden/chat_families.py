"""Chat templates in the shape of well-known model families, and chats to render by them, for
make_jinja_golden.py.

The templates are written for these tests; only the marker tokens are those of the families.
"""

import json
import random

CHATML = r"""{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
"""

CHATML_DEFAULT_IN_VARIABLE = r"""{%- set preamble = 'You suggest films.' -%}
{%- set turns = messages -%}
{%- if messages[0].role == 'system' -%}
    {%- set preamble = messages[0].content -%}
    {%- set turns = messages[1:] -%}
{%- endif -%}
<|im_start|>system
{{ preamble }}<|im_end|>
{% for turn in turns %}
<|im_start|>{{ turn.role }}
{{ turn.content }}<|im_end|>
{% endfor %}
{% if add_generation_prompt %}
<|im_start|>assistant
{% endif %}"""

CHATML_TOOLS = r"""{%- set has_system = messages[0]['role'] == 'system' %}
{%- set opening = messages[0]['content'] if has_system else 'You are a film expert.' %}
{{- '<|im_start|>system\n' ~ opening }}
{%- if tools %}
    {{- '\n\nCallable, one JSON object a line:' }}
    {%- for tool in tools %}{{- '\n' }}{{- tool | tojson }}{%- endfor %}
    {{- '\nAnswer with <tool_call>{"name": ..., "arguments": ...}</tool_call>.' }}
{%- endif %}
{{- '<|im_end|>\n' }}
{%- for turn in (messages[1:] if has_system else messages) %}
    {%- set calls = turn.tool_calls or [] %}
    {%- set is_result = turn.role == 'tool' %}
    {%- if not is_result %}
        {{- '<|im_start|>' + turn.role + '\n' + (turn.content or '') }}
        {%- for call in calls %}
            {%- set call = call.function if call.function is defined else call %}
            {%- set given = call.arguments %}
            {{- '\n<tool_call>\n{"name": "' ~ call.name ~ '", "arguments": ' ~ (given if given is string else given | tojson) ~ '}\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- else %}
        {%- if loop.first or loop.previtem.role != 'tool' %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\n<tool_response>\n' ~ turn.content ~ '\n</tool_response>' }}
        {%- if loop.last or loop.nextitem.role != 'tool' %}{{- '<|im_end|>\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{{- '<|im_start|>assistant\n' if add_generation_prompt }}
"""

THINKING_CHATML = r"""{%- set last = namespace(query=-1) %}
{%- for turn in messages | reverse %}
    {%- if turn.role == 'user' and turn.content is string and not turn.content.startswith('<tool_response>') %}
        {%- set last.query = messages | length - loop.index %}
        {%- break %}
    {%- endif %}
{%- endfor %}
{%- for turn in messages %}
    {%- set said = turn.content if turn.content is string else '' %}
    {{- '<|im_start|>' ~ turn.role ~ '\n' }}
    {%- if turn.role == 'assistant' %}
        {%- set thought = turn.reasoning_content if turn.reasoning_content is string else '' %}
        {%- if not thought and '</think>' in said %}
            {%- set thought, said = said.split('</think>')[0].split('<think>')[-1], said.split('</think>')[-1].lstrip('\n') %}
        {%- endif %}
        {%- if loop.index0 > last.query and (thought.strip('\n') or loop.last) %}{{- '<think>\n' ~ thought.strip('\n') ~ '\n</think>\n\n' }}{%- endif %}
    {%- endif %}
    {{- said ~ '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {{- '<think>\n\n</think>\n\n' if enable_thinking is defined and enable_thinking is false }}
{%- endif %}"""

LLAMA2 = r"""{% set ns = namespace(system='', turn='user') %}
{% for m in messages %}
{% if m['role'] == 'system' and loop.first %}
{% set ns.system = '<<SYS>>\n' + m['content'] + '\n<</SYS>>\n\n' %}
{% elif m['role'] != ns.turn %}
{{ raise_exception('It is the turn of the ' + ns.turn + ', not of the ' + m['role']) }}
{% elif m['role'] == 'user' %}
{{ bos_token + '[INST] ' + (ns.system + m['content']).strip() + ' [/INST]' }}
{%- set ns.system, ns.turn = '', 'assistant' %}
{% else %}
{{ ' ' + m['content'].strip() + ' ' + eos_token }}
{%- set ns.turn = 'user' %}
{% endif %}
{% endfor %}"""

LLAMA3 = r"""{%- macro header(role) -%}<|start_header_id|>{{ role }}<|end_header_id|>{{ '\n\n' }}{%- endmacro -%}
{{ bos_token }}
{%- for m in messages -%}{{ header(m.role) ~ (m.content | trim) ~ '<|eot_id|>' }}{%- endfor -%}
{%- if add_generation_prompt -%}{{ header('assistant') }}{%- endif -%}
"""

LLAMA3_TOOLS = r"""{%- set known = custom_tools if custom_tools is defined else tools %}
{%- set day = date_string if date_string is defined else strftime_now("%d %b %Y") %}
{%- set turns = messages | rejectattr('role', 'equalto', 'system') | list %}
{%- set own = messages | selectattr('role', 'equalto', 'system') | map(attribute='content') | map('trim') | join('\n') %}
{{- bos_token ~ "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if builtin_tools is defined %}{{- "Tools: " + builtin_tools | reject('equalto', 'code_interpreter') | join(", ") + "\n" }}{%- endif %}
{{- "Today: " + day + "\n\n" + own + "<|eot_id|>" }}
{%- for turn in turns %}
    {%- set who = 'ipython' if turn.role == 'tool' else turn.role %}
    {{- '<|start_header_id|>' ~ who ~ '<|end_header_id|>\n\n' }}
    {%- if known and loop.first %}
        {%- for tool in known %}{{- tool | tojson(indent=4) ~ "\n\n" }}{%- endfor %}
    {%- endif %}
    {%- if 'tool_calls' in turn %}
        {%- if turn.tool_calls | length > 1 %}{{- raise_exception("one call at a time") }}{%- endif %}
        {%- set call = turn.tool_calls[0]['function'] %}
        {{- '{"name": "' + call.name + '", "parameters": ' ~ call.arguments | tojson ~ '}' }}
    {%- elif turn.content is mapping or (turn.content is iterable and turn.content is not string) %}
        {{- turn.content | tojson }}
    {%- else %}
        {{- turn.content | default('', true) | trim }}
    {%- endif %}
    {{- '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}
"""

MISTRAL_TOOLS = r"""{%- set is_opened = messages[0].role == "system" %}
{%- set turns = messages[is_opened | int:] %}
{%- set asked = turns | selectattr("role", "equalto", "user") | list %}
{%- set expected = namespace(who='user') %}
{{- bos_token }}
{%- for m in turns %}
    {%- if m.role == "user" %}
        {%- if expected.who != 'user' %}{{- raise_exception("two questions without an answer between them") }}{%- endif %}
        {%- set expected.who = 'assistant' %}
        {%- if tools is not none and m == asked | last %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- for key, part in tool["function"].items() if key != "return" -%}
                    {{ '{' if loop.first else ', ' }}"{{ key }}": {% if part is string %}{{ '"' + part + '"' }}{% else %}{{ part | tojson }}{% endif %}
                {%- endfor %}
                {{- "}" ~ (", " if not loop.last else "]") }}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {{- "[INST] " ~ (messages[0].content ~ "\n\n" if is_opened and loop.last else "") + m.content ~ "[/INST]" }}
    {%- elif m.tool_calls is defined and m.tool_calls %}
        {{- "[TOOL_CALLS] [" }}
        {%- for call in m.tool_calls %}
            {%- if (call.id | default('')) | length != 9 %}{{- raise_exception("a call's id has nine characters") }}{%- endif %}
            {%- set written = call.function | tojson %}
            {{- written[:-1] + ', "id": "' + call.id + '"}' + ("," if not loop.last else "]" + eos_token) }}
        {%- endfor %}
    {%- elif m.role == "assistant" %}
        {%- set expected.who = 'user' %}
        {{- " " + m.content | trim + eos_token }}
    {%- elif m.role == "tool" %}
        {{- '[TOOL_RESULTS] {"content": ' ~ m.content ~ ', "call_id": "' + m.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- else %}
        {{- raise_exception("no such role: " ~ m.role) }}
    {%- endif %}
{%- endfor %}
"""

GEMMA = r"""{{ bos_token }}{% for m in messages %}{% if m.role not in ['user', 'assistant'] or (loop.index is odd) != (m.role == 'user') %}{{ raise_exception('this role does not belong here: ' ~ m.role) }}{% endif %}<start_of_turn>{{ 'model' if m.role == 'assistant' else 'user' }}{{ '\n' ~ m.content | trim }}<end_of_turn>
{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"""

GEMMA_PARTS = r"""{%- macro show(parts) -%}
    {%- for part in parts -%}
        {%- if part is string -%}{{ part }}{%- elif part.type == 'text' -%}{{ part['text'] | trim }}{%- elif part.type == 'image' -%}<start_of_image>{%- endif -%}
    {%- endfor -%}
{%- endmacro -%}
{%- set wait = namespace(text='') -%}
{{ bos_token }}
{%- for m in messages -%}
    {%- set said = m.content | trim if m.content is string else show(m.content) -%}
    {%- if m.role == 'system' -%}
        {%- set wait.text = wait.text ~ said ~ '\n\n' -%}
    {%- else -%}
        {{ '<start_of_turn>' ~ {'assistant': 'model'}.get(m.role, m.role) ~ '\n' ~ wait.text ~ said ~ '<end_of_turn>\n' }}
        {%- set wait.text = '' -%}
    {%- endif -%}
{%- endfor -%}
{{ '<start_of_turn>model\n' if add_generation_prompt }}
"""

PHI = r"""{% for m in messages %}{% set head = '<|' ~ m.role ~ '|>' %}{{ head ~ '\n' + m['content'] + '<|end|>\n' }}{% if loop.last %}{{ '<|assistant|>\n' if add_generation_prompt else eos_token }}{% endif %}{% endfor %}"""

ZEPHYR = r"""{% for m in messages %}
{% if m['role'] in ('system', 'user', 'assistant') %}
{{ '<|%s|>\n%s' % (m['role'], m['content']) + eos_token }}
{% endif %}
{% endfor %}
{% if add_generation_prompt %}
<|assistant|>
{% endif %}"""

VICUNA = r"""{% if messages[0]['role'] == 'system' %}{% set turns = messages[1:] %}{% set preamble = messages[0]['content'].strip() + '\n\n' %}{% else %}{% set turns = messages %}{% set preamble = '' %}{% endif %}{{ bos_token + preamble }}
{%- for m in turns %}
{{ 'USER: ' + m.content.strip() + '\n' if m.role == 'user' else 'ASSISTANT: ' + m.content.strip() + eos_token + '\n' }}
{%- if loop.last and m.role == 'user' and add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}
{%- endfor %}"""

ALPACA = r"""{% set names = {'user': '### Instruction:', 'assistant': '### Response:', 'system': ''} %}
{% for m in messages %}
{% if m.role not in names %}{{ raise_exception('Unknown role: ' ~ m.role) }}{% endif %}
{{ (names[m.role] ~ '\n' if names[m.role] else '') ~ m.content | trim }}{{ eos_token if m.role == 'assistant' }}

{% endfor %}
{% if add_generation_prompt %}
### Response:
{% endif %}"""

FALCON = r"""{% for m in messages %}{% if not loop.first %}{{ '\n' }}{% endif %}{{ m['role'] | capitalize }}: {{ m['content'].replace('\r\n', '\n').replace('\n\n', '\n') | trim }}{% endfor %}{% if add_generation_prompt %}{{ '\n' + 'Assistant:' }}{% endif %}"""

DEEPSEEK = r"""{% set state = namespace(calls=0, results=0) %}{{ bos_token ~ (messages | selectattr('role', 'eq', 'system') | map(attribute='content') | join('\n\n')) }}
{%- for m in messages %}
{%- if m.role == 'user' %}{{ '<｜User｜>' + m['content'] }}{% set state.results = 0 %}
{%- elif m.role == 'tool' %}{{ ('\n' if state.results else '<｜tool▁outputs▁begin｜>') + m['content'] }}{% set state.results = state.results + 1 %}
{%- elif m.role == 'assistant' %}
{%- if m['tool_calls'] is defined %}{% for call in m['tool_calls'] %}{{ ('<｜Assistant｜><｜tool▁calls▁begin｜>' if not state.calls else '\n') ~ call['function']['name'] }}{% set state.calls = state.calls + 1 %}{% endfor %}{% endif %}
{%- if m['content'] %}{{ ('<｜tool▁outputs▁end｜>' if state.results else '<｜Assistant｜>') ~ m['content'].split('</think>') | last ~ '<｜end▁of▁sentence｜>' }}{% set state.results = 0 %}{% endif %}
{%- endif %}
{%- endfor %}
{%- if state.results %}{{ '<｜tool▁outputs▁end｜>' }}{% elif add_generation_prompt is defined and add_generation_prompt %}{{ '<｜Assistant｜><think>\n' }}{% endif %}"""

SCHEMA_MACROS = r"""{%- macro python_type(spec) -%}
    {%- set plain = {"string": "str", "number": "float", "integer": "int", "boolean": "bool", "null": "None"} -%}
    {%- set kind = spec.type -%}
    {%- if kind is not string -%}
        {{- "any" if kind is undefined else "" -}}
        {%- for one in kind or [] -%}{{ "|" if not loop.first }}{{ python_type({"type": one}) }}{%- endfor -%}
    {%- elif kind in plain -%}{{ plain[kind] }}
    {%- elif kind == "array" -%}list[{{ python_type(spec['items'] or {}) }}]
    {%- else -%}{{ "dict" }}{%- if spec.additionalProperties is mapping -%}[str, {{ python_type(spec.additionalProperties) }}]{%- endif -%}
    {%- endif -%}
{%- endmacro -%}
{{- bos_token }}<|im_start|>system
{% for tool in tools or [] %}
{% set it = tool.function if tool.function is defined else tool %}
{{ it.name }}({% for name, spec in it.parameters.properties.items() %}{{ name }}: {{ python_type(spec) }}{{ ", " if not loop.last }}{% endfor %}) -> {{ python_type(it.return) if it.return else 'None' }}
{% endfor %}<|im_end|>
{% for m in messages %}
<|im_start|>{{ m.role }}
{{ m.content }}{% for call in m.tool_calls or [] %}

<tool_call>{{ {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}</tool_call>
{%- endfor %}
{% if m.role == 'tool' and loop.nextitem is defined and loop.nextitem.role == 'tool' %}{{ '\n' }}{% else %}<|im_end|>
{% endif %}
{% endfor %}
{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

TYPESCRIPT_MACROS = r"""{%- macro type_of(spec, indent) -%}
    {%- if spec.enum is defined -%}{{- spec.enum | map('tojson') | join(' | ') -}}
    {%- elif spec.type == 'object' and spec.properties is defined -%}
{
{% for name, inner in spec.properties | dictsort %}
{{ '  ' * indent }}// {{ inner.description | default('no description') }}
{{ '  ' * indent }}{{ name }}{{ '' if name in (spec.required or []) else '?' }}: {{ type_of(inner, indent + 1) }},
{% endfor %}
{{ '  ' * (indent - 1) }}}
    {%- elif spec.type == 'array' -%}{{- type_of(spec['items'], indent) ~ '[]' -}}
    {%- elif spec.type is string -%}{{- {'integer': 'number', 'null': 'null'}.get(spec.type, spec.type) -}}
    {%- else -%}{{- spec.type | join(' | ') -}}{%- endif -%}
{%- endmacro -%}
{%- macro open(role) -%}<|start|>{{ role }}{%- if caller is defined and caller -%}<|channel|>{{ caller() }}{%- endif -%}<|message|>{%- endmacro -%}
{{ open('system') }}You are a model.
Reasoning: {{ reasoning_effort | default('medium') }}
Current date: {{ strftime_now('%Y-%m-%d') }}
{% if tools %}
namespace functions {
{% for tool in tools %}
type {{ tool.function.name }} = (_: {{ type_of(tool.function.parameters, 1) }}) => any;
{% endfor %}
}
{%- endif %}<|end|>
{%- for m in messages -%}
    {%- if m.role == 'assistant' -%}
        {%- if m.thinking is defined and loop.last -%}{%- call open('assistant') -%}analysis{%- endcall -%}{{ m.thinking }}<|end|>{%- endif -%}
        {%- call open('assistant') -%}final{%- endcall -%}{{ m.content }}{{ '<|return|>' if loop.last and not add_generation_prompt else '<|end|>' }}
    {%- else -%}
        {{ open('developer' if m.role == 'system' else m.role) }}{{ m.content }}<|end|>
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|start|>assistant{%- endif -%}"""

VISIBLE_TEXT = r"""[gMASK]<sop>
{%- macro seen(content) -%}
    {%- if content is string or content is not iterable -%}{{ content }}
    {%- else -%}{%- for part in content -%}{{ part if part is string else part.text | default('') }}{%- endfor -%}{%- endif -%}
{%- endmacro -%}
{%- set quiet = enable_thinking is defined and not enable_thinking -%}
{%- if tools -%}{{ '<|system|>\n' }}{%- for tool in tools -%}{{ tool | tojson(ensure_ascii=False) ~ '\n' }}{%- endfor -%}{%- endif -%}
{%- set last = namespace(user=-1) -%}
{%- for m in messages if m.role == 'user' -%}{%- set last.user = messages.index(m) -%}{%- endfor -%}
{%- for m in messages -%}
    {%- set text = seen(m.content) -%}
    {%- if m.role == 'assistant' -%}
        {%- set thought, sep, answer = text.rpartition('</think>') -%}
        {{ '<|assistant|>\n<think>' ~ (thought.replace('<think>', '').strip() if loop.index0 > last.user) ~ '</think>' }}
        {{- '\n' ~ answer.strip() if answer.strip() }}
        {%- for call in m.tool_calls or [] -%}
            {{ '\n<tool_call>' ~ call.function.name }}
            {%- if call.function.arguments is mapping -%}
                {%- for name, given in call.function.arguments.items() -%}{{ '\n' ~ name ~ '=' ~ (given if given is string else given | tojson(ensure_ascii=False)) }}{%- endfor -%}
            {%- endif -%}
            {{ '</tool_call>' }}
        {%- endfor -%}
    {%- elif m.role == 'tool' -%}
        {{ '<|observation|>' if loop.previtem is undefined or loop.previtem.role != 'tool' }}{{ '\n<tool_response>' ~ text ~ '</tool_response>' }}
    {%- else -%}
        {{ '<|' ~ m.role ~ '|>\n' ~ text ~ ('/nothink' if quiet and m.role == 'user' and not text.endswith('/nothink')) }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|assistant|>{{ '\n<think></think>' if quiet }}{%- endif -%}
"""

REASONING_MODE = r"""{# Two modes, which an argument or the system text chooses. #}
{%- set first = messages | first -%}
{%- set wanted = '' -%}
{%- if first.role == 'system' -%}{%- set wanted = first.content -%}{%- endif -%}
{%- set thinks = enable_thinking | default(true) -%}
{%- if '/no_think' in wanted -%}{%- set thinks = false -%}{%- elif '/think' in wanted -%}{%- set thinks = true -%}{%- endif -%}
<|im_start|>system
Date: {{ strftime_now("%d %B %Y") }}, mode: {{ '/think' if thinks else '/no_think' }}
{{ wanted.replace('/no_think', '').replace('/think', '').rstrip() or ('Think first.' if thinks else 'Answer at once.') }}
{%- if tools %}{%- set ns = namespace(list='') -%}{%- for tool in tools -%}{%- set ns.list = ns.list ~ (tool | string) ~ '\n' -%}{%- endfor %}{{ '\n<tools>\n' ~ ns.list ~ '</tools>' }}{%- endif %}<|im_end|>
{% for m in messages %}
{% set text = m.content if m.content is string else '' %}
{% if m.role == 'assistant' %}
<|im_start|>assistant
{% generation %}{{ ('' if thinks else '<think>\n\n</think>\n') ~ text.lstrip('\n') ~ '<|im_end|>' }}{% endgeneration %}

{% elif m.role in ('user', 'tool') %}
<|im_start|>user
{{ text }}<|im_end|>
{% endif %}
{% endfor %}
{% if add_generation_prompt %}<|im_start|>assistant
{{ '<think>\n\n</think>\n' if not thinks }}{% endif %}
"""

DOCUMENTS = r"""{{ bos_token }}{% if documents %}<|START_OF_TURN|><|SYSTEM|>{% for doc in documents %}
{% set head %}Document: {{ loop.index0 }}{% endset %}
{{ head | trim }}
{% for key, value in doc | dictsort %}{{ key | title }}: {{ value | truncate(40, true, '..', 0) }}
{% endfor %}
{% endfor %}<|END_OF_TURN|>{% endif %}
{% for m in messages | rejectattr('role', 'in', ['tool']) %}
{% set name = {'user': 'USER', 'assistant': 'CHATBOT'}.get(m.role, m.role | upper) %}
<|START_OF_TURN|><|{{ name }}|>{{ (m.content or '') | replace('\r', '') | trim }}<|END_OF_TURN|>
{%- else %}
{{ raise_exception('an empty chat') }}
{%- endfor %}{% if add_generation_prompt %}<|START_OF_TURN|><|CHATBOT|>{% endif %}"""

SEPARATORS = r"""{%- set sep = joiner('\n\n') -%}{%- set mark = cycler('A', 'B') -%}
{%- macro part(who, text, end=eos_token) -%}{{ sep() }}{{ who ~ ': ' ~ text | trim ~ end }}{%- endmacro -%}
{%- for m in messages if m.content is string -%}
{%- if m.role not in ('user', 'assistant') -%}{%- continue -%}{%- endif -%}
{%- with who = 'Human' if m.role == 'user' else 'Assistant ' ~ mark.next() -%}{{ part(who, m.content, end='' if m.role == 'user') }}{%- endwith -%}
{%- if loop.index > 6 -%}{%- break -%}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ part('Assistant ' ~ mark.current, '', '') }}{%- endif -%}"""

TEMPLATES = {name.lower(): value for name, value in list(globals().items())
             if name.isupper() and isinstance(value, str)}


def weather_tool():
    return {"type": "function", "function": {
        "name": "get_weather", "description": "Weather of a <place> & \"more\"",
        "parameters": {"type": "object", "properties": {
            "place": {"type": "string", "description": "City é"}, "unit": {"type": "string", "enum": ["c", "f"]},
            "days": {"type": "integer", "default": 3}, "notes": {"type": "array", "items": {"type": "string"}},
            "at": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": ["string", "null"]}},
                   "required": ["a"]}}, "required": ["place"]}, "return": {"type": "string"}}}


def add_tool():
    return {"type": "function", "function": {
        "name": "add", "description": "Adds", "parameters": {"type": "object", "properties": {
            "x": {"type": "integer", "description": "first"}, "y": {"type": "number"}}, "required": ["x", "y"]}}}


def turn(role, content, **fields):
    return {"role": role, "content": content, **fields}


TEXTS = ["Hi", "Films like Heat?", "I loved Heat (1995), Alien & <b>\"quotes\"</b> 'single'.", "  padded \n",
         "\n\nlead and trail\n\n", "", "é ü 漢字 \U0001F600 \u00a0nbsp", "<think>\nhm\n</think>\n\nanswer",
         "thoughts</think>tail", "<think>x</think>y</think>z", "line1\nline2\r\nline3\ttab", "{{ no }} {% x %} {# c #}",
         "<|im_end|> [INST] x [/INST]", "1. A (2000)\n2. B (2001)", "<tool_response>\nok\n</tool_response>",
         "a\\nb \\ back", "/no_think please", "x" * 300, "None", "0"]
PREAMBLES = ["Be short.", "", "You recommend films.\nSay no more.", "/no_think", "  spaced  ", "é漢"]


def random_call(rng):
    arguments = rng.choice([{"place": "Köln", "unit": "c"}, {"x": 1, "y": 2.5}, {},
                            {"place": "a\"b\\c", "notes": ["p", "q"], "at": {"a": 1, "b": None}},
                            {"flag": True, "n": None, "z": [1, 2, {"k": "v"}]}])
    call = {"type": "function", "function": {
        "name": rng.choice(["get_weather", "add"]),
        "arguments": json.dumps(arguments) if rng.random() < 0.3 else arguments}}
    if rng.random() < 0.7:
        call["id"] = "".join(rng.choice("abcdefABC0123456789") for _ in range(9))
    return call


def random_chat(rng):
    chat = [turn("system", rng.choice(PREAMBLES))] if rng.random() < 0.5 else []
    num_turns = rng.randint(1, 5)
    for i in range(num_turns):
        chat.append(turn("user", rng.choice(TEXTS)))
        if i == num_turns - 1 and rng.random() < 0.7:
            break
        answer = {"role": "assistant", "content": rng.choice(TEXTS)}
        if rng.random() < 0.2:
            answer["reasoning_content"] = rng.choice(["because", "r\n\n", "\nmulti\nline\n"])
        if rng.random() < 0.3:
            answer["tool_calls"] = [random_call(rng) for _ in range(rng.randint(1, 2))]
            answer["content"] = rng.choice(["", "calling", None, "<think>t</think>calling"])
        chat.append(answer)
        for call in answer.get("tool_calls", []):
            result = turn("tool", rng.choice(["22 C", "{\"t\": 1}", "é", ""]))
            if rng.random() < 0.7 and "id" in call:
                result["tool_call_id"] = call["id"]
            if rng.random() < 0.5:
                result["name"] = call["function"]["name"]
            chat.append(result)
    return chat


def random_arguments(rng):
    arguments = {"add_generation_prompt": rng.random() < 0.6}
    for share, name, values in [
            (0.35, "tools", [[weather_tool()], [weather_tool(), add_tool()], [add_tool()]]),
            (0.15, "documents", [[{"title": "T1", "text": "body é"}, {"title": "T2", "text": "b2"}]]),
            (0.3, "enable_thinking", [True, False]), (0.1, "thinking", [True, False]),
            (0.1, "reasoning_effort", ["low", "high", "medium"]), (0.1, "date_string", ["01 Mar 2025"]),
            (0.1, "thinking_budget", [0, 512, 1000]), (0.05, "builtin_tools", [["brave_search", "code_interpreter"]]),
            (0.05, "custom_tools", [[weather_tool()["function"]]]), (0.05, "preserve_thinking", [True])]:
        if rng.random() < share:
            arguments[name] = rng.choice(values)
    return arguments


def plain_chats():
    """Chats that are worth naming one by one."""
    for text in TEXTS:
        yield [turn("user", text)]
        yield [turn("user", "q"), turn("assistant", text), turn("user", "more")]
        yield [turn("user", "q"), turn("assistant", text)]
    for text in PREAMBLES:
        yield [turn("system", text), turn("user", "Hello")]
        yield [turn("system", text), turn("user", "q"), turn("assistant", "a"), turn("user", "q2")]
    yield [turn("system", "s"), turn("system", "t"), turn("user", "u")]
    yield [turn("assistant", "first"), turn("user", "u")]
    yield [turn("user", "a"), turn("user", "b")]
    yield [turn("user", "a"), turn("assistant", "b"), turn("assistant", "c")]
    yield [turn("user", "a"), turn("system", "late"), turn("assistant", "x"), turn("user", "z")]
    yield [turn("developer", "d"), turn("user", "x")]
    yield [turn("User", "d")]
    yield [turn("system", "only")]
    yield [turn("user", None), turn("assistant", "k")]
    yield [turn("user", "x", name="bob")]
    yield [turn("user", "a"), turn("assistant", "b", reasoning_content="because\n"), turn("user", "c")]
    yield [turn("user", "a"), turn("assistant", "b", thinking="because")]
    yield [turn("user", [{"type": "text", "text": "part1"}, {"type": "text", "text": " part2"}])]
    yield [turn("user", [{"type": "image"}, {"type": "text", "text": "what"}]), turn("assistant", "cat"), turn("user", "ok")]


def random_chats(count, rng):
    """(messages, arguments): the plain chats first, then random ones."""
    chats = list(plain_chats())
    while len(chats) < count:
        chats.append(random_chat(rng))
    return [(chat, random_arguments(rng)) for chat in chats[:count]]


def committed_chats():
    """A few that reach every branch of the templates."""
    call = {"type": "function", "id": "abcdef012", "function": {"name": "add", "arguments": {"x": 1, "y": [2.5, None]}}}
    tools = [weather_tool(), add_tool()]
    three = [turn("user", "Hi"), turn("assistant", "Hello"), turn("user", "More")]
    thoughts = [turn("user", "q"), turn("assistant", "<think>\nhm\n</think>\n\nanswer"), turn("user", "q2"),
                turn("assistant", "<think>\n\nwell\n\n</think>\n\nyes")]
    called = [turn("system", "s"), turn("user", "1 + 2.5?"), {"role": "assistant", "content": "", "tool_calls": [call]},
              turn("tool", "3.5", tool_call_id="abcdef012", name="add"), turn("assistant", "It is 3.5.")]
    prompt = {"add_generation_prompt": True}
    yield [turn("user", "Films like Heat?")], prompt
    yield [turn("system", "Be short."), turn("user", "Films like Heat?")], prompt
    yield three, prompt
    yield three, {"add_generation_prompt": False}
    yield [turn("system", " \n"), turn("user", "\n\n padded \u00a0\u3000\x1c\n"), turn("assistant", "\n\nanswer \n"), turn("user", "x")], prompt
    yield [turn("user", "é <|im_end|> {{ no }} {% x %} \\n"), turn("assistant", "a"), turn("system", "late"), turn("user", "b")], prompt
    yield thoughts, {"add_generation_prompt": False}
    yield thoughts[:3], {**prompt, "enable_thinking": False}
    yield [turn("user", "a"), turn("assistant", "b", reasoning_content="because\n")], {}
    yield called, {"tools": tools}
    yield called[:4], {**prompt, "tools": tools, "enable_thinking": False}
    yield three, {**prompt, "tools": tools, "documents": [{"title": "T1", "text": "a text that is longer than forty characters"}], "reasoning_effort": "low"}
    yield [turn("user", [{"type": "image"}, {"type": "text", "text": "what"}])], prompt
    yield [turn("assistant", "first"), turn("user", "u")], prompt
    yield [turn("user", None), turn("User", "odd")], {"date_string": "01 Mar 2025"}
