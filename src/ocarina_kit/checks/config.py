"""CFG: the configuration, from the file's bytes to what its members mean (CHECKS.md).

The probes stand beside it: of the file as such in config_file.py, of what members hold in config_values.py, of how
they go together in config_layout.py.
"""

from __future__ import annotations

from ocarina_kit.checks import config_file, config_layout, config_values
from ocarina_kit.checks.model import Check, Need
from ocarina_kit.core.errors import Remedy

_CONFIG = frozenset({Need.CONFIG})

CHECKS: tuple[Check, ...] = (
    Check(
        id="CFG001",
        title="The configuration file is there",
        probe=config_file.there,
        consequence="Without it neither ocarina nor ocarina-kit knows your Majora.",
        remedy=Remedy("Write it with init.", ("ocarina-kit init",)),
        explain="ocarina reads one file: ~/.ocarina, or the one that OCARINA_CONF_FILE names. A folder, a link that "
        "leads nowhere or a file that you may not read is as good as none.",
        needs=_CONFIG,
    ),
    Check(
        id="CFG002",
        title="The configuration is a JSON object",
        probe=config_file.json_object,
        consequence="ocarina cannot read it, and ends with an error or a traceback at every command.",
        remedy=Remedy("Mend it with doctor where its meaning is clear.", ("ocarina-kit doctor --fix",)),
        explain="The file must hold one JSON object in UTF-8. Word processors put curly quotes in, editors on Windows "
        "a byte-order mark, people a comma too many or a comment. Where only one meaning is possible, --fix writes "
        "that; else it shows the place, and a person must decide.",
        rests_on=(("CFG001",),),
        needs=_CONFIG,
    ),
    Check(
        id="CFG003",
        title="The configuration is private",
        probe=config_file.private,
        consequence="Others on this machine can read your client secret, or change where ocarina sends it.",
        remedy=Remedy("Let nobody but you read and write it.", ("chmod 600 ~/.ocarina",)),
        explain="The file holds the client secret, so it should be yours alone: mode 0600. A folder in which others "
        "may write lets them put another file in its place.",
        rests_on=(("CFG001",),),
        needs=_CONFIG,
    ),
    Check(
        id="CFG004",
        title="Every required member is there",
        probe=config_values.members,
        consequence="ocarina takes a built-in value, or refuses to start.",
        remedy=Remedy("Let init ask for what is missing.", ("ocarina-kit init",)),
        explain="MAJORA_DOMAIN, MAJORA_USER and MAJORA_TOKEN are always needed, CLIENT_ID and CLIENT_SECRET with "
        "OAUTH. ocarina ignores names that it does not know, so majora_domain or CLIENTID silently counts for "
        "nothing. --fix gives such members their right names where only one can be meant.",
        rests_on=(("CFG002",),),
        needs=_CONFIG,
    ),
    Check(
        id="CFG005",
        title="No placeholder is left",
        probe=config_values.placeholders,
        consequence="The server knows neither the user nor the client that stands there.",
        remedy=Remedy("Put your own values in with init.", ("ocarina-kit init",)),
        explain="The guide's example has values that say what belongs there, such as your-username or "
        "your-client-id. https://example.org/ is what ocarina takes where it finds no domain.",
        rests_on=(("CFG004",),),
        needs=_CONFIG,
    ),
    Check(
        id="CFG006",
        title="MAJORA_DOMAIN is a base URL",
        probe=config_values.base_url,
        consequence="ocarina joins it and a path as plain text, so every request goes to a wrong address.",
        remedy=Remedy("Let init mend it.", ("ocarina-kit init",)),
        explain="MAJORA_DOMAIN is https://, a host, and a last slash. Plain http is for this machine alone, as it "
        "would send secrets unencrypted. --fix mends what has one meaning: white space and quotes around it, capitals, "
        "the address of one of Majora's own pages.",
        rests_on=(("CFG005",),),
        needs=_CONFIG,
    ),
    Check(
        id="CFG007",
        title="MAJORA_DOMAIN ends in one slash",
        probe=config_values.last_slash,
        consequence="ocarina joins it and a path as plain text, so every request goes to a wrong address.",
        remedy=Remedy("Let doctor mend it.", ("ocarina-kit doctor --fix",)),
        explain="Without the last slash, ocarina asks a host such as example.uko/token/; with two, the server answers "
        "404.",
        rests_on=(("CFG006",),),
        needs=_CONFIG,
    ),
    Check(
        id="CFG008",
        title="MAJORA_TOKEN says OAUTH",
        probe=config_values.token,
        consequence="ocarina takes whatever is not exactly OAUTH for a legacy API key.",
        remedy=Remedy("Let doctor mend its spelling.", ("ocarina-kit doctor --fix",)),
        explain="The word is compared to the letter: oauth, 'OAUTH' or a blank behind it count as a key. Legacy keys "
        "still work, but live for 3 days; newer clients want something non-blank in CLIENT_ID and CLIENT_SECRET beside "
        "them, and --fix puts fillers there.",
        rests_on=(("CFG002",),),
        needs=_CONFIG,
        uses=frozenset({Need.CLIENT}),
    ),
    Check(
        id="CFG009",
        title="Client id and secret look right",
        probe=config_values.credentials,
        consequence="The server refuses the client (invalid_client).",
        remedy=Remedy("Copy them again, with init.", ("ocarina-kit init",)),
        explain="Majora makes ids of 40 and secrets of 128 characters, letters and digits alone. White space comes "
        "with copying, and the two are easily swapped: --fix puts both right. A value that starts with pbkdf2_ is a "
        "hash; the secret itself is only seen before the application is saved.",
        rests_on=(("CFG005",), ("CFG008",)),
        needs=_CONFIG,
    ),
    Check(
        id="CFG010",
        title="Optional members can be used",
        probe=config_layout.optional,
        consequence="ocarina ends with a traceback as it reads them, or cannot save its tokens.",
        remedy=Remedy(
            "Take the member out, or give it a value that ocarina can use.", ("ocarina-kit doctor --fix",)
        ),
        explain="OCARINA_QUIET and OCARINA_NO_BANNER must be integers: ocarina ends with a traceback on true, yes or "
        "null written as text. The folder of MAJORA_TOKENS_FILE must exist; ocarina does not make it.",
        rests_on=(("CFG002",),),
        needs=_CONFIG,
    ),
    Check(
        id="CFG011",
        title="The profile is there and complete",
        probe=config_layout.profile,
        consequence="ocarina goes on without it, silently, with the values of the top level.",
        remedy=Remedy("Make it with init --profile.", ("ocarina-kit init --profile NAME",)),
        explain='Profiles stand under "profile" in the file. What a profile does not have is taken from "default", '
        "then from the top level.",
        rests_on=(("CFG002",),),
        needs=_CONFIG,
    ),
    Check(
        id="CFG012",
        title="No member is given twice",
        probe=config_file.doubles,
        consequence="Only the last one counts: a change to the first does nothing.",
        remedy=Remedy("Take out the ones that you do not mean."),
        explain="JSON readers take the last of several members of one name, and say nothing.",
        rests_on=(("CFG002",),),
        needs=_CONFIG,
    ),
    Check(
        id="CFG013",
        title="Different set-ups have different tokens files",
        probe=config_layout.shared_tokens,
        consequence="ocarina keeps tokens by scope alone, so the token of one replaces that of the other.",
        remedy=Remedy("Give each a MAJORA_TOKENS_FILE of its own."),
        explain="Two instances, or two clients, may not share one tokens file: tokens are kept by their scope, and "
        "nothing in the file says whose they are. ocarina-kit init --profile NAME gives each profile its own.",
        rests_on=(("CFG002",),),
        needs=_CONFIG,
    ),
    Check(
        id="CFG014",
        title="User and instance agree",
        probe=config_layout.instance,
        consequence="Accounts of one instance are unknown to the other, so the server will refuse this user.",
        remedy=Remedy("Let init ask for both again.", ("ocarina-kit init",)),
        explain="Production and the test instance are separate: accounts, applications and tokens. User names on the "
        "test instance start with test-.",
        rests_on=(("CFG006",),),
        needs=_CONFIG,
    ),
)
