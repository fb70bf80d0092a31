"""What experience says goes wrong, as patterns of a step's text: found in what cannot be read as commands, too."""

import re
from dataclasses import dataclass

_WITHIN = r"[^\n;|&]{0,120}"  # the rest of the same command
_RESTART_ALL = re.compile(
    r"\bpm2\s+(?:restart|reload|delete|stop|start)\s+['\"]?all\b|\bpm2\s+kill\b|\bsupervisorctl\s+(?:restart|stop)\s+all\b"
    r"|\b(?:re)?(?:start|stop|kill|rm)\s+(?:-\S+\s+){0,4}(?:\$\(|`)\s*(?:sudo\s+)?(?:docker|podman)\s+ps"
    r"|\b(?:docker|podman)\s+ps\b[^\n;&]{0,200}\|\s*xargs\s[^\n;|&]{0,80}\b(?:restart|stop|kill|rm)\b"
    rf"|\bkubectl\b{_WITHIN}\bdelete\b{_WITHIN}\s--all(?![\w-])"
    rf"|\bkubectl\b{_WITHIN}\brollout\s+restart\s+(?:-n\s+\S+\s+)?(?:deploy(?:ment)?s?|statefulsets?|sts|daemonsets?|ds)"
    r"(?=\s*$|\s*[;|&#]|(?:\s+-(?:n\s+\S+|-namespace[= ]\S+))+\s*$)"
    r"|\bdocker(?:-compose|\s+compose)\s+restart(?=\s*$|\s*[;|&#])"
    r"|\bsystemctl\s+restart\s+['\"]?\*|\bgitlab-ctl\s+restart(?=\s*$|\s*[;|&#])",
    re.MULTILINE,
)
_DOWN_VOLUMES = re.compile(
    r"\bcompose\s(?:[^\n;|&]|\\\n){0,100}\bdown\b(?:[^\n;|&]|\\\n){0,60}\s(?:-\w{0,4}v\w{0,4}\b|--volumes\b)"
)
_FIREWALL = re.compile(
    r"\bufw\s+(?:--force\s+)?(?:deny|reject|enable|disable|default|limit|reset|delete|insert|prepend|route)\b"
    r"|\bip6?tables(?:-restore\b|\s(?=[^\n;|&]{0,200}(?:-[AIPFDRXN]\b|--(?:append|insert|policy|flush|delete|replace)\b)))"
    r"|\bnft\s+(?:add|flush|delete|insert|replace|-f)\b|\bfirewall-cmd\b(?!\s+--(?:list|get|query|state))"
    r"|\bpfctl\s+-[edfF]|\bnetsh\s+advfirewall\s+(?:set|reset|firewall\s+(?:add|set|delete))"
)
_VALUE = r"(?![$<\[{*'\"-])(?!x{3,}|\.{3}|your|change)[^\s'\"$<\[{|;&]{6,}"
_SECRET = re.compile(
    r"(?i)(?:\b|_|-)(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key)\s*[=:]\s*['\"]?(?![$<\[{*'\"/])(?!x{3,}|\.{3}|your|change)[^\s'\"$<\[{]{6,}"
    rf"|(?<=\s)--(?:\w+-)?(?:password|passwd|token|secret|api-key)\s+['\"]?{_VALUE}"
    rf"|\b(?:PGPASSWORD|MYSQL_PWD|REDISCLI_AUTH|SSHPASS)=['\"]?{_VALUE}"
    rf"|\bsshpass\s+-p\s*['\"]?{_VALUE}"
    rf"|\b(?:docker|podman|helm\s+registry|oc|az)\s+login\b{_WITHIN}\s-p\s+['\"]?{_VALUE}"
    rf"|\bmysql(?:dump|admin|import|check|show)\b{_WITHIN}\s-p{_VALUE}"
    rf"|\brabbitmqctl\s+(?:change_password|add_user|authenticate_user)\s+\S+\s+['\"]?{_VALUE}"
    r"|\betcdctl\b[^\n]{0,200}--user[= ]['\"]?[\w.-]+:[^\s'\"$<\[{]{4,}"
    r"|\bhv[sbr]\.[A-Za-z0-9_-]{12,}|\bglpat-[A-Za-z0-9_-]{10,}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY"
)
_CURL = r"\bcurl\b(?=(?:[^\n;|&'\"]|\\\n|'[^'\n]{0,300}'|\"[^\"\n]{0,300}\"){0,40}?\s"
_NO_FAIL = re.compile(
    _CURL + r"(?:-\w{0,8}X\s?(?:POST|PUT|DELETE|PATCH)\b|--request[= ](?:POST|PUT|DELETE|PATCH)\b"
    r"|-\w{0,8}[dFT]\b|--(?:data(?:-\w+)?|json|form|upload-file)\b))"
    r"(?!(?:[^\n;|&'\"]|\\\n|'[^'\n]{0,300}'|\"[^\"\n]{0,300}\"){0,400}?\s(?:-[a-zA-Z]{0,8}[fG][a-zA-Z]{0,8}\b|--fail|--get\b))"
)
_ENDLESS = re.compile(
    rf"\b(?:kubectl|oc|docker|docker-compose|podman|nomad|crictl|pm2|heroku)\b{_WITHIN}\blogs?\b{_WITHIN}\s(?:-\w{{0,4}}f\b|--follow\b)"
    rf"|\b(?:tail\s(?:-\S+\s+){{0,3}}(?:-\w{{0,4}}[fF]\b|--follow)|journalctl\b{_WITHIN}\s(?:-\w{{0,6}}f\w{{0,3}}\b|--follow\b))"
    r"|\bless\s+\+F\b|\bredis-cli\b[^\n;|&]{0,120}\s(?i:monitor|psubscribe|subscribe|--stat|--latency(?:-history)?)(?=\s|$)"
    r"|(?:^|[;|&]\s*|\bsudo\s+)(?:stern\s|htop(?=\s*$)|ceph\s+-w\b|docker\s+events(?=\s*$|\s*\|))",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Danger:
    """One rule: its pattern, its code, what is wrong, and how it is mended."""

    pattern: re.Pattern[str]
    code: str
    message: str
    hint: str


DANGERS = (
    Danger(
        _RESTART_ALL,
        "restart-all",
        "It restarts or removes everything at once; after a changed configuration that can start it all twice.",
        "Name the configuration file, or one process.",
    ),
    Danger(
        _DOWN_VOLUMES,
        "down-volumes",
        "down -v deletes the volumes of whatever folder it runs in.",
        "Leave -v out; remove a volume by its name, by hand.",
    ),
    Danger(
        _FIREWALL,
        "firewall",
        "This firewall rule can cut off the bot, Slack, PagerDuty and the exchanges, and nothing undoes it.",
        "Say what must be done before it, and how it is taken back.",
    ),
    Danger(
        _SECRET,
        "secret-in-argument",
        "A secret seems to stand in the text, for everybody who reads this document.",
        "Put it into a variable, and change it where it is valid.",
    ),
    Danger(
        _NO_FAIL,
        "curl-without-fail",
        "A changing curl without -f ends well even on 401 or 500.",
        "Write curl -sSf …; ats-bot itself treats any non-2xx as a failure.",
    ),
    Danger(
        _ENDLESS,
        "endless-command",
        "It never ends by itself.",
        "Leave the following out, or bound it (timeout 10s …).",
    ),
)
