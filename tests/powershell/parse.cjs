// Reads PowerShell texts with the tree-sitter grammar and tells what is in them.
//
//   node --liftoff-only parse.cjs MODULES < texts > facts
//
// MODULES holds node_modules. Each line of stdin is a text as a JSON string, each of stdout the
// facts of one, a JSON object:
//   errors     [{line, column, text}]           what is no PowerShell
//   commands   [{name, line, column, operator, parameters, arguments, guards}]
//   constructs [{kind, text, line, column}]     operators, variables, types, statements, calls ...
//   literals   [{kind, text, line, column}]     strings as written; kind: single, double, here
//   functions  [{name, parameters}]             defined in the text
//   parameters [{name, type}]                   of the script itself
//
// Without --liftoff-only the process spends seconds on optimising a grammar that it runs once.
"use strict";
const { createRequire } = require("module");
const path = require("path");
const readline = require("readline");

const PLAIN = new Set([
    "try_statement", "class_statement", "enum_statement", "data_statement", "parallel_statement",
    "sequence_statement", "inlinescript_statement", "trap_statement", "comparison_operator",
    "file_redirection_operator", "merging_redirection_operator", "stop_parsing", "type_literal",
    "variable", "foreach_parameter", "invokation_foreach_expression", "switch_parameter",
    "pipeline_chain_tail", "block_name", "member_name", "comment", 
]);
// The grammar takes a range of bare numbers (`1..3`) for a command.
const NO_COMMAND = /^[-\d.]*$/;
const STATEMENT = /^(if|while|do|for|foreach|switch)_statement$/;
const LITERALS = {
    verbatim_string_characters: "single",
    expandable_string_literal: "double",
    verbatim_here_string_characters: "here",
    expandable_here_string_literal: "here",
};

function place(node) {
    return { line: node.startPosition.row + 1, column: node.startPosition.column + 1 };
}

// The grammar wants a blank before the comma of an unquoted list (`ft a,b`); PowerShell does not.
function isUnquotedList(node, text) {
    return node.isMissing && node.type === " " && text[node.startIndex] === ",";
}

// Nor does it know an unquoted list with blanks (`ft a, b`); with the blank before the comma it
// reads the same words at the same places. Comments and literals stay as they are.
const COMMENT_OR_LITERAL = /(?<=^|[\s;{}()])#[^\n]*|'(?:[^']|'')*'|"(?:[^"`]|`[^]|"")*"/.source;
const BARE_COMMA = /(?<=[\w*'"]),( +)(?=[A-Za-z*])|(?<=[A-Za-z*]),( +)(?=['"])/.source;
const PIECES = new RegExp(`${COMMENT_OR_LITERAL}|${BARE_COMMA}`, "gm");

function blankBeforeComma(text) {
    return text.replace(PIECES, (piece) => (piece[0] === "," ? `${piece.slice(1)},` : piece));
}

function isSeparator(node, text) {
    return node.type === "command_argument_sep" &&
        !(node.childCount && isUnquotedList(node.child(0), text));
}

// The words of a command in order: parameters with the value that stands beside them, and the
// arguments before the first parameter.
function readElements(elements, text, facts) {
    let last = null;
    let beside = false; // the next piece belongs to the word before it
    for (const node of elements ? elements.children : []) {
        if (node.type === "command_argument_sep") {
            if (last && !isSeparator(node, text)) {
                beside = true;
            } else {
                beside = last !== null && node.text.includes(":");
                if (beside) last.colon = true;
            }
            continue;
        }
        if (node.type === "redirection") continue;
        if (node.type === "command_parameter") {
            last = { name: node.text.slice(1), value: [], colon: false, ...place(node) };
            facts.parameters.push(last);
        } else if (last && (beside || last.value.length === 0 || node.text[0] === ",")) {
            last.value.push(node.text);
        } else {
            last = { value: [node.text], ...place(node) };
            facts.arguments.push(last);
        }
        beside = false;
    }
    for (const word of [...facts.parameters, ...facts.arguments]) word.value = word.value.join("");
}

function readCommand(node, text, guards) {
    const name = node.children.find((c) => c.type === "command_name" || c.type === "command_name_expr");
    const operator = node.children.find((c) => c.type === "command_invokation_operator");
    const facts = {
        name: name ? name.text : "", operator: operator ? operator.text : "", ...place(node),
        parameters: [], arguments: [], guards,
    };
    readElements(node.children.find((c) => c.type === "command_elements"), text, facts);
    return facts;
}

function readParameters(node) {
    const found = [];
    for (const p of node ? node.descendantsOfType("script_parameter") : []) {
        const name = p.children.find((c) => c.type === "variable");
        const type = p.children.find((c) => c.type === "attribute_list");
        found.push({ name: name.text.slice(1), type: type ? type.text : "" });
    }
    return found;
}

function readFunction(node) {
    const name = node.children.find((c) => c.type === "function_name");
    const list = node.children.find((c) => c.type === "function_parameter_declaration") ||
        node.descendantsOfType("param_block")[0];
    return { name: name.text, keyword: node.child(0).text.toLowerCase(), parameters: readParameters(list) };
}

// What a branch hangs on: the condition for `if`, "" for what is behind `else`.
function guardOf(node) {
    if (node.type !== "if_statement" && node.type !== "elseif_clause") return null;
    const condition = node.children.find((c) => c.type === "pipeline");
    return condition ? condition.text : null;
}

function constructOf(node) {
    const { type } = node;
    if (PLAIN.has(type)) return type;
    if (type === "attribute" && node.children.some((c) => c.type === "attribute_name")) return type;
    return null;
}

function readText(parser, original) {
    const text = blankBeforeComma(original);
    const facts = { errors: [], commands: [], constructs: [], functions: [], parameters: [], literals: [] };
    const tree = parser.parse(text);
    const note = (kind, node) => facts.constructs.push({ kind, text: node.text, ...place(node) });
    const visit = (node, guards) => {
        if (node.isError || node.isMissing) {
            if (!isUnquotedList(node, text)) facts.errors.push({ text: node.text, ...place(node) });
        }
        const kind = constructOf(node);
        if (kind) note(kind, node);
        if (node.type === "invokation_expression") {
            const method = node.children.find((c) => c.type === "member_name");
            facts.constructs.push({ kind: "call", text: method ? method.text : "", guards, ...place(node) });
        }
        if (LITERALS[node.type])
            facts.literals.push({ kind: LITERALS[node.type], text: node.text, ...place(node) });
        if (node.type === "command" && !NO_COMMAND.test(node.text)) facts.commands.push(readCommand(node, text, guards));
        if (node.type === "function_statement") facts.functions.push(readFunction(node));
        if (node.type === "expression_with_unary_operator" && node.childCount)
            note("unary_operator", node.child(0));
        if (["logical_expression", "bitwise_expression"].includes(node.type))
            for (const c of node.children) if (!c.isNamed) note("logical_operator", c);
        if (node.type === "assignment_expression" && node.children.some((c) => STATEMENT.test(c.type)))
            note("assigned_statement", node);
        if (node.type === "|" && !text.slice(0, node.startIndex).split("\n").pop().trim())
            note("leading_pipe", node);
        const guard = guardOf(node);
        for (const child of node.children)
            visit(child, guard !== null && child.type === "statement_block" ? [...guards, guard] : guards);
    };
    visit(tree.rootNode, []);
    facts.parameters = readParameters(tree.rootNode.children.find((c) => c.type === "param_block"));
    tree.delete();
    return facts;
}

// One JSON string a line in, one line of facts out, until stdin ends.
async function main() {
    const modules = path.resolve(process.argv[2]);
    const load = createRequire(path.join(modules, "package.json"));
    const { Parser, Language } = load("web-tree-sitter");
    await Parser.init();
    const parser = new Parser();
    parser.setLanguage(await Language.load(
        path.join(modules, "node_modules/tree-sitter-powershell/tree-sitter-powershell.wasm")));
    for await (const line of readline.createInterface({ input: process.stdin }))
        process.stdout.write(`${JSON.stringify(readText(parser, JSON.parse(line)))}\n`);
}

main().catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
});
