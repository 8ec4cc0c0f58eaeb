"""The way in for people: a web page, and with `--say` the same agent in the terminal."""

import argparse
import ipaddress
import json
import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.page.desk import desk_wait_html
from agent.page.known import REMEMBERED
from agent.page.markup import Plain, file, text_of
from agent.page.page import Page
from agent.page.turns import facts_line

if TYPE_CHECKING:
    import gradio as gr

    from agent import Settings
    from retrieval.catalog import Catalog

LONGEST_USER = 200
"""Characters of a name given with --user."""


# The page: widgets and wiring


def build_page(page: Page) -> "gr.Blocks":
    """Lay out the widgets and connect them to `page`."""
    import gradio as gr

    def shown(browser: str, conversation: str, words: str | None = None) -> Iterator[list[Any]]:
        for view in page.views(browser, conversation):
            box = gr.skip() if words is None else gr.update(value=words)
            words = None
            parts = [view.side, view.past, view.live, view.known]
            yield [*parts, box, gr.update(visible=not view.busy), gr.update(visible=view.busy)]

    def opened(browser: str, wanted: str) -> Iterator[list[Any]]:
        yield from shown(browser, page.conversation(browser, wanted))

    def sent(browser: str, wanted: str, text: str) -> Iterator[list[Any]]:
        conversation = page.conversation(browser, wanted)
        page.begin(conversation, text)
        yield from shown(browser, conversation, "")

    def stopped(browser: str, wanted: str) -> None:
        page.stop(page.conversation(browser, wanted))

    def clicked(browser: str, wanted: str, event: gr.EventData) -> Iterator[list[Any]]:
        conversation, words = page.conversation(browser, wanted), None
        try:
            conversation, words = page.click(browser, conversation, event._data or {})
        except ValueError as error:
            gr.Warning(text_of(error))
        yield from shown(browser, conversation, words)

    def noticed(browser: str, wanted: str, event: gr.EventData) -> None:
        with suppress(ValueError):
            page.notice(page.conversation(browser, wanted), event._data or {})

    def reviewed(browser: str, wanted: str, event: gr.EventData) -> str:
        return page.review(browser, event._data or {})

    blocks: gr.Blocks
    clicks = file("clicks.js")
    with gr.Blocks(title="Tastemaker", analytics_enabled=False, fill_width=True) as blocks:
        who, where = gr.Textbox(visible=False), gr.Textbox(visible=False)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Chat"), gr.Row(elem_id="shell"):
                with gr.Column(elem_id="side"):
                    side = gr.HTML(js_on_load=clicks)
                with gr.Column(elem_id="main"):
                    past = gr.HTML(js_on_load=clicks, elem_id="past", elem_classes="tm")
                    live = gr.HTML(js_on_load=clicks, elem_id="live")
                    with gr.Row(elem_id="write"):
                        box = gr.Textbox(
                            show_label=False, label="Message", placeholder="What do you feel like?", max_lines=6,
                            container=False, autofocus=True, max_length=4000, elem_id="box",
                        )  # fmt: skip
                        send = gr.Button("Send", elem_id="send", variant="primary")
                        stop = gr.Button("Stop", elem_id="stop", visible=False)
                with gr.Column(elem_id="known"):
                    known = gr.HTML(js_on_load=clicks)
            with gr.Tab("Review", visible=page.settings.review) as review:
                wait = desk_wait_html("Reading the conversations")
                desk = gr.HTML(wait, js_on_load=file("review.js"), elem_id="desk")
        outputs = [side, past, live, known, box, send, stop]
        # Sent with every event: the browser's own key and the conversation in the address. No session is kept here.
        options: dict[str, Any] = {
            "js": file("who.js"), "show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private",
        }  # fmt: skip
        blocks.load(opened, [who, where], outputs, **options)
        gr.on([box.submit, send.click], sent, [who, where, box], outputs, **options)
        stop.click(stopped, [who, where], None, **options)
        parts = [part.click for part in (side, past, live, known)]
        gr.on(parts, clicked, [who, where], outputs, trigger_mode="multiple", **options)
        gr.on([past.select, live.select], noticed, [who, where], None, trigger_mode="multiple", **options)
        if page.settings.review:
            gr.on([review.select, desk.click], reviewed, [who, where], [desk], **options)
    return blocks


def serve(settings: "Settings") -> None:
    """Serve the page until Ctrl-C. UserError when the address is taken, not on this computer, or loading fails."""
    from retrieval.catalog import UserError

    if not _is_loopback(settings.host):
        fix = "use 127.0.0.1, and an SSH tunnel or a proxy with a login to reach it from elsewhere"
        raise UserError(
            f"settings: host {settings.host}: the page has no accounts and serves this computer only; {fix}"
        )
    port = _free_port(settings)
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = f"{os.environ.get('NO_PROXY', '')},{settings.host},localhost"
    sys.stderr.write("Starting the page.\n")
    import gradio as gr

    page = Page(settings)
    blocks = build_page(page)
    blocks.queue(api_open=False).launch(
        server_name=settings.host, server_port=port, prevent_thread_lock=True, quiet=True, share=False,
        css=file("page.css"),
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        footer_links=[], run_history=False, enable_monitoring=False, ssr_mode=False, mcp_server=False, max_file_size=1,
    )  # fmt: skip
    sys.stderr.write(f"The page is open on http://{settings.host}:{port} - stop it with Ctrl-C.\n")
    loading = threading.Thread(target=page.load, args=(_say,), daemon=True)
    loading.start()
    loading.join()
    if page.failure is not None:
        blocks.close(verbose=False)
        raise page.failure
    if page.rec is None:
        sys.exit(1)
    sys.stderr.write("Ready.\n")
    blocks.block_thread()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _free_port(settings: "Settings") -> int:
    """Return the port to listen on, any free one for 0; UserError when it is taken."""
    from retrieval.catalog import UserError

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            fix = "stop the program that uses it, or choose another with --port"
            raise UserError(f"port {settings.port} on {settings.host}: {error.strerror or error}; {fix}") from None
        return int(probe.getsockname()[1])


# The terminal


def talk(settings: "Settings", messages: Sequence[str], conversation: str, user: str, as_json: bool) -> None:
    """Say `messages` one after the other and write the replies; with `as_json` one JSON object a line, nothing else.

    With a `user`, their profile takes part and is added to.
    """
    from agent import Recommender

    bars = sys.stderr.isatty()
    rec = Recommender.open(settings, _say, progress=bars)
    for message in messages:
        reply = rec.reply(conversation, message, user)
        if as_json:
            sys.stdout.write(json.dumps(reply.as_dict(), ensure_ascii=False) + "\n")
            sys.stdout.flush()
        else:
            _print_reply(message, reply.as_dict(), rec.catalog)
    if not as_json:
        sys.stderr.write(f"\nTo go on: --conversation {conversation}\n")
    rec.close()


def _say(stage: str) -> None:
    sys.stderr.write(f"{stage}\n")


def _print_reply(message: str, reply: Plain, catalog: "Catalog") -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(f"\n› {_plain(message)}", style="bold cyan"))
    for item in reply["items"]:
        facts = facts_line(catalog[item["id"]], catalog)
        console.print()
        console.print(
            Text.assemble((f"{item['rank']}. ", "dim"), (_plain(item["title"]), "bold"), f"  {_plain(facts)}")
        )
        console.print(Padding(Text(_plain(item["reason"])), (0, 0, 0, 3)))
        console.print(Padding(Text(item["semantic_id"], style="dim"), (0, 0, 0, 3)))
    console.print(Text(f"\n{_plain(reply['text'])}"))
    for kind, name in REMEMBERED.items():
        titles = [_plain(entry["title"]) for entry in reply["profile"] if entry["kind"] == kind]
        if titles:
            console.print(Text(f"Remembered: {name[0].lower()}{name[1:]} {', '.join(titles)}", style="dim"))


def _plain(text: str) -> str:
    """Return text without the control characters that would steer a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(
        prog="tastemaker", description="Open the web page, or with --say talk in the terminal."
    )
    add = described.add_argument
    add(
        "--say",
        action="append",
        metavar="TEXT",
        help="say this in the terminal instead of opening the page; repeatable",
    )
    add("--json", action="store_true", help="with --say: one JSON reply a line, nothing else on standard output")
    add("--conversation", metavar="ID", help="with --say: go on with this conversation (default: a new one)")
    add("--user", metavar="NAME", help="with --say: use and add to what is remembered of this person")
    add("--home", type=Path, metavar="DIR", help="folder with index, models, log (default: ~/.tastemaker)")
    add("--model", metavar="NAME", help="language model: embedded, scripted, a folder or a Hub id")
    add("--adapter", metavar="NAME", help="adapter: auto, none, a folder, or the name of one in the home")
    add("--encoder", metavar="NAME", help="sentence encoder: embedded, hashing, a folder or a Hub id")
    add("--host", metavar="ADDRESS", help="loopback address of the page (default: 127.0.0.1)")
    add("--port", type=int, metavar="N", help="port of the page (default: 7860; 0 takes a free one)")
    return described


def run(args: argparse.Namespace) -> None:
    """Do what the command line says. UserError when it cannot be done."""
    from agent import Settings
    from retrieval.catalog import UserError

    names = ("home", "model", "adapter", "encoder", "host", "port")
    settings = Settings(**{name: value for name in names if (value := getattr(args, name)) is not None})
    if len(args.user or "") > LONGEST_USER:
        raise UserError(f"--user: a name of {len(args.user)} characters; use one of at most {LONGEST_USER}")
    if args.say:
        conversation = args.conversation or f"terminal-{secrets.token_hex(4)}"
        talk(settings, args.say, conversation, args.user or "", args.json)
    elif args.json or args.conversation or args.user:
        raise UserError('--json, --conversation and --user go with --say; for example: --say "a quiet evening" --json')
    else:
        serve(settings)


def main() -> None:
    """Run the program: exit code 0 when done, 2 when the input or a setting is wrong, with one line on stderr."""
    args = parser().parse_args()
    os.environ.setdefault("TQDM_DISABLE", "1")  # The libraries' bars; ours stay.
    from retrieval.catalog import UserError

    try:
        run(args)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
