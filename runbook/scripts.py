"""The small languages inside arguments: sed, awk and jq scripts that only filter, and files that hold secrets."""

import re

_ADDRESS = r"(?:\d+|\$|/(?:[^/\\\n]|\\.)*/)"
_SED_SIMPLE = re.compile(rf"\s*(?:{_ADDRESS}(?:\s*,\s*(?:\+\d+|{_ADDRESS}))?)?\s*!?\s*(?:p|d|=|q\d*)\s*")
_SED_SUBSTITUTE = re.compile(
    rf"\s*(?:{_ADDRESS}(?:\s*,\s*(?:\+\d+|{_ADDRESS}))?)?\s*s([/|#,:@_])"
    r"(?:\\[^\n]|(?!\1)[^\\\n])*\1(?:\\[^\n]|(?!\1)[^\\\n])*\1[gpIiM0-9]*\s*"
)
_AWK_ALWAYS = re.compile(
    r"system|getline|@|ENVIRON|PROCINFO|fflush|close|>>|-i\b|include|load|extension|ARGV|ARGC"
)
_AWK_PIPE = re.compile(r"\|&|(?<!\|)\|(?!\|)")
_JQ_REFUSED = re.compile(
    r"\benv\b|\$ENV|\$__|\bimport\b|\binclude\b|\bmodulemeta\b|\binput_filename\b|\bget_search_list\b"
)
_SECRET_FILE = re.compile(
    r"(?i)(?:^|[/.=_-])(?:\.?env|environ|shadow|gshadow|id_(?:rsa|dsa|ecdsa|ed25519)|credentials?|secrets?|tokens?|passw(?:or)?d?s?"
    r"|pgpass|netrc|my\.cnf|htpasswd|authorized_keys|kubeconfig|admin\.conf|private|keystore|vault|api[_-]?keys?)"
    r"(?:[/.=_-]|$)|\.(?:pem|key|p12|pfx|jks|kdbx|gpg|asc|ovpn|keytab)(?:$|[^\w])|(?:^|/)\.(?:ssh|aws|kube|gnupg|docker|config/gcloud)(?:/|$)"
    r"|/var/run/secrets|/run/secrets|/etc/sudoers|/proc/(?:kcore|kmem|[^/]+/(?:environ|mem))|/dev/(?!null$|stdin$)|history(?:$|[^\w])"
)
_HARMLESS_FILE = re.compile(r"^/etc/passwd$|\.env\.example$")


def sed_filters(script: str) -> bool:
    """Whether a sed script only prints, deletes from its output and substitutes; no w, e, r or i."""
    pieces = [script] if _SED_SUBSTITUTE.fullmatch(script) else script.split(";")
    return bool(script.strip()) and all(
        _SED_SIMPLE.fullmatch(p) or _SED_SUBSTITUTE.fullmatch(p) for p in pieces
    )


def awk_filters(script: str) -> bool:
    """Whether an awk program only computes and prints: no command, no file, no pipe."""
    if _AWK_ALWAYS.search(script) or ">" in script.partition("print")[2]:
        return False
    return not (_AWK_PIPE.search(script) and "print" in script)


def jq_filters(script: str) -> bool:
    """Whether a jq filter shows nothing but its input."""
    return not _JQ_REFUSED.search(script)


def holds_secrets(path: str) -> bool:
    """Whether a file's name says that it holds secrets; showing it is no harmless read."""
    return bool(_SECRET_FILE.search(path)) and not _HARMLESS_FILE.search(path)
