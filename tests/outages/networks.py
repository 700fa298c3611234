"""The ways in which a node and its server lose each other, each with the same two words: `lose` and `find`."""

from contextlib import ExitStack, contextmanager

from namespaces import SERVER_ADDRESS, Namespaces
from outage_house import House, Node, behind

from waiting import until


class Network:
    """A house with one node; `what` says which network this is."""

    def __init__(self, what, house, node, lose, find):
        self.what, self.house, self.node = what, house, node
        self.lose, self.find = lose, find
        self.association_id = house.associate(node)

    def lost(self):
        """Lose each other, and wait until the node knows it."""
        self.lose()
        until(lambda: not self.node.way)

    def found(self):
        """Find each other, and wait until the node is connected."""
        self.find()
        until(lambda: self.node.way)


def cutting(what, cut, mend, **settings):
    """A network that is a proxy on loopback."""

    @contextmanager
    def made(folder, thread):
        with ExitStack() as stack:
            house = House(folder, thread)
            stack.callback(house.close)
            proxy = behind(house, **settings)
            stack.callback(proxy.close)
            node = Node(house, "node", f"http://127.0.0.1:{proxy.port}")
            stack.callback(node.close)
            yield Network(what, house, node, lambda: cut(proxy), lambda: mend(proxy))

    return made


def unplugged(what, end):
    """A network that is a cable between two namespaces; it is taken out at one end."""

    @contextmanager
    def made(folder, thread):
        with ExitStack() as stack:
            spaces = stack.enter_context(Namespaces())
            place = getattr(spaces, end)
            house = House(folder, thread, spaces)
            stack.callback(house.close)

            def inside(*program):
                return spaces.program(spaces.node, *program)

            node = Node(house, "node", f"http://{SERVER_ADDRESS}:8390", inside)
            stack.callback(node.close)
            yield Network(what, house, node, lambda: spaces.unplug(place), lambda: spaces.plug(place))

    return made


def _refuse(proxy):
    proxy.close_door()
    proxy.cut()


NETWORKS = {
    what: how(what, *more)
    for what, how, *more in (
        ("a proxy that cuts and refuses", cutting, _refuse, lambda proxy: proxy.open_door()),
        ("a proxy that swallows", cutting, lambda proxy: proxy.silence(), lambda proxy: proxy.speak()),
        ("network namespaces, cable out at the node", unplugged, "node"),
        ("network namespaces, cable out at the server", unplugged, "server"),
    )
}
NETWORKS["a proxy that lets no channel pass, so the node polls"] = cutting(
    "a proxy that lets no channel pass, so the node polls",
    _refuse,
    lambda proxy: proxy.open_door(),
    passes_channels=False,
)
