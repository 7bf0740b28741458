# ruff: noqa: E501 - a table of patterns reads best with one to a line
"""What code can do beyond its own values, and by which names of Python's world it does it."""

from dataclasses import dataclass
from enum import StrEnum


class Power(StrEnum):
    """A kind of power, worded to follow "can newly"."""

    NETWORK = "reach the network"
    PROCESS = "start processes"
    DYNAMIC = "run or import code that is only known when it runs"
    ENVIRONMENT = "read the environment"
    CREDENTIALS = "read the home or credentials"
    DELETE = "delete or move files"
    WRITE = "write files"
    NATIVE = "run native code"
    UNSAFE_DATA = "build objects from data that may run code"
    WEAKER = "be weaker in security"
    INSTALL = "install packages or hooks"
    CI = "do more in CI"
    HIDDEN = "hide text from a reader"
    AGENTS = "give instructions to agents"


@dataclass(frozen=True, slots=True)
class Use:
    """One line that uses a power."""

    power: Power
    what: str
    line: int


WORDS: dict[Power, tuple[str, ...]] = {
    Power.NETWORK: (
        "download",
        "downloads",
        "upload",
        "uploads",
        "network",
        "socket",
        "http request",
        "http client",
    ),
    Power.PROCESS: (
        "subprocess",
        "subprocesses",
        "shell command",
        "external command",
        "external program",
        "popen",
    ),
    Power.DYNAMIC: (
        "eval",
        "exec",
        "plugin",
        "plugins",
        "import_module",
        "dynamic import",
        "lazy import",
        "importlib",
    ),
    Power.ENVIRONMENT: (
        "environment variable",
        "environment variables",
        "env var",
        "env vars",
        "environ",
        "getenv",
    ),
    Power.CREDENTIALS: ("home directory", "credentials", "netrc", "keyring", "expanduser"),
    Power.DELETE: ("delete files", "delete the file", "remove files", "remove the file", "unlink", "rmtree"),
    Power.WRITE: (
        "write files",
        "write a file",
        "to a file",
        "to disk",
        "log file",
        "output file",
        "cache file",
    ),
    Power.NATIVE: ("ctypes", "cffi", "shared library"),
    Power.UNSAFE_DATA: ("pickle", "pickling", "unpickle", "marshal", "yaml.load", "shelve"),
    Power.INSTALL: ("install", "installs", "installation", "dependency", "dependencies"),
    Power.CI: ("workflow", "workflows", "github actions"),
}
"""Words by which a task's text asks for a power; weaker security and hidden text are asked for by none of them."""

_TABLE: dict[Power, str] = {
    Power.NETWORK: """socket requests httpx aiohttp urllib3 urllib.request urllib2 httplib httplib2 http.client http.server
        ftplib smtplib poplib imaplib nntplib telnetlib xmlrpc socketserver websockets websocket paramiko asyncssh boto3
        botocore pycurl grpc dns scapy zmq pika redis webbrowser twisted.internet tornado.httpclient urllib.urlopen
        urllib.urlretrieve asyncio.open_connection asyncio.start_server asyncio.open_unix_connection asyncore
        logging.handlers.HTTPHandler logging.handlers.SocketHandler logging.handlers.SMTPHandler""",
    Power.PROCESS: """subprocess os.system os.popen os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp
        os.execvpe os.spawnl os.spawnle os.spawnlp os.spawnv os.spawnve os.spawnvp os.fork os.forkpty os.posix_spawn
        os.posix_spawnp os.startfile os.kill os.killpg pty pexpect plumbum asyncio.create_subprocess_exec
        asyncio.create_subprocess_shell commands.getoutput popen2 posix.system nt.system""",
    Power.DYNAMIC: """eval exec __import__ __builtins__ importlib.import_module importlib.reload importlib.__import__
        importlib.machinery importlib.util.spec_from_file_location importlib.util.module_from_spec
        importlib.util.spec_from_loader runpy code.interact code.InteractiveInterpreter code.InteractiveConsole codeop imp
        zipimport pkgutil.resolve_name types.FunctionType types.CodeType sys.settrace sys.setprofile sys.meta_path
        sys.path_hooks sys.addaudithook sys.path.append sys.path.insert site.addsitedir breakpoint pdb.set_trace
        atexit.register compile""",
    Power.ENVIRONMENT: "os.environ os.environb os.getenv os.getenvb os.putenv os.unsetenv os.path.expandvars dotenv",
    Power.CREDENTIALS: """os.path.expanduser pathlib.Path.home getpass keyring netrc pwd spwd winreg os.getlogin
        site.getuserbase""",
    Power.DELETE: """os.remove os.unlink os.rmdir os.removedirs os.rename os.renames os.replace os.truncate shutil.rmtree
        shutil.move""",
    Power.WRITE: """os.mkdir os.makedirs os.link os.symlink os.mkfifo os.mknod os.chmod os.chown os.lchown shutil.copy
        shutil.copy2 shutil.copyfile shutil.copytree shutil.copymode shutil.chown shutil.unpack_archive
        logging.FileHandler logging.handlers.RotatingFileHandler""",
    Power.NATIVE: "ctypes _ctypes cffi distutils.ccompiler setuptools.Extension sys.setdlopenflags",
    Power.UNSAFE_DATA: """pickle.load pickle.loads pickle.Unpickler cPickle.load cPickle.loads _pickle.loads dill.load dill.loads
        cloudpickle.load cloudpickle.loads joblib.load shelve marshal.load marshal.loads yaml.unsafe_load yaml.full_load
        yaml.unsafe_load_all yaml.UnsafeLoader yaml.FullLoader jsonpickle.decode pandas.read_pickle torch.load
        copyreg.pickle""",
    Power.WEAKER: """ssl._create_unverified_context ssl.CERT_NONE ssl.CERT_OPTIONAL ssl._create_default_https_context
        ssl.PROTOCOL_SSLv2 ssl.PROTOCOL_SSLv3 ssl.PROTOCOL_TLSv1 ssl.wrap_socket paramiko.AutoAddPolicy
        paramiko.WarningPolicy urllib3.disable_warnings tempfile.mktemp hashlib.md5 hashlib.sha1 os.umask
        markupsafe.Markup django.utils.safestring.mark_safe flask.Markup requests.packages.urllib3.disable_warnings
        ssl.TLSVersion.SSLv3 ssl.TLSVersion.TLSv1 xml.sax.handler.feature_external_ges""",
    Power.INSTALL: "pip ensurepip setuptools.command distutils.command",
}  # fmt: skip
NAMES: dict[str, Power] = {name: power for power, names in _TABLE.items() for name in names.split()}

HARMLESS = frozenset(
    [
        "socket.error",
        "socket.timeout",
        "socket.gaierror",
        "socket.herror",
        "socket.gethostname",
        "socket.inet_pton",
        "socket.inet_ntop",
        "socket.inet_aton",
        "socket.inet_ntoa",
        "socket.htons",
        "socket.ntohs",
        "socket.has_ipv6",
        "socket.AF_INET",
        "socket.AF_INET6",
        "subprocess.PIPE",
        "subprocess.DEVNULL",
        "subprocess.STDOUT",
        "subprocess.CalledProcessError",
        "subprocess.TimeoutExpired",
        "subprocess.CompletedProcess",
        "subprocess.SubprocessError",
        "subprocess.list2cmdline",
        "builtins.str",
        "builtins.type",
        "requests.exceptions",
        "requests.Response",
        "requests.RequestException",
        "requests.ConnectionError",
        "requests.HTTPError",
        "requests.Timeout",
        "requests.models",
        "requests.structures",
        "requests.codes",
        "httpx.Response",
        "httpx.HTTPError",
        "httpx.URL",
        "aiohttp.ClientError",
        "urllib.request.Request",
        "urllib.request.pathname2url",
        "urllib.request.url2pathname",
        "http.client.HTTPException",
        "http.client.responses",
        "http.client.HTTPMessage",
        "importlib.machinery.EXTENSION_SUFFIXES",
        "importlib.machinery.ModuleSpec",
        "pexpect.EOF",
        "pexpect.TIMEOUT",
        "paramiko.SSHException",
        "redis.RedisError",
        "botocore.exceptions",
    ]
)
"""Parts of powerful modules that do nothing: their exceptions, constants and shapes."""

METHODS: dict[str, Power] = {
    "write_text": Power.WRITE, "write_bytes": Power.WRITE, "symlink_to": Power.WRITE, "hardlink_to": Power.WRITE,
    "extractall": Power.WRITE, "chmod": Power.WRITE, "touch": Power.WRITE,
    "unlink": Power.DELETE, "rmdir": Power.DELETE, "rmtree": Power.DELETE,
    "expanduser": Power.CREDENTIALS, "urlopen": Power.NETWORK, "urlretrieve": Power.NETWORK,
    "create_connection": Power.NETWORK, "create_server": Power.NETWORK, "create_datagram_endpoint": Power.NETWORK,
    "subprocess_exec": Power.PROCESS, "subprocess_shell": Power.PROCESS, "LoadLibrary": Power.NATIVE,
    "system": Power.PROCESS, "popen": Power.PROCESS, "Popen": Power.PROCESS, "check_output": Power.PROCESS,
    "getoutput": Power.PROCESS, "execv": Power.PROCESS, "execve": Power.PROCESS, "posix_spawn": Power.PROCESS,
    "import_module": Power.DYNAMIC, "getenv": Power.ENVIRONMENT,
    "load_module": Power.DYNAMIC, "exec_module": Power.DYNAMIC,
}  # fmt: skip
"""What a call of such a method does, whatever it is called on."""

INNARDS = frozenset(
    {"__subclasses__", "__globals__", "__builtins__", "f_globals", "f_builtins", "gi_frame", "__loader__"}
)
"""Attributes by which code reaches what it was not given."""
PLACES = (
    r"(?:^|[/~\\])\.(?:ssh|aws|netrc|gnupg|docker|kube|pypirc|npmrc|git-credentials|bash_history|config/gcloud|azure)\b"
    r"|/etc/(?:passwd|shadow|sudoers|hosts)\b|\bid_(?:rsa|ed25519|ecdsa)\b|/proc/(?:self|\d+)/|169\.254\.169\.254"
    r"|docker\.sock\b"
)
"""Places where credentials are."""
