"""Inventory calls that tests share."""

WHEN = "2026-11-23T16:16:59Z"
LATER = "2026-11-24T16:16:59Z"
RACK = "Custom:RackInfo"


def held(type_name, *entries, version="1.0", at=WHEN, **members):
    """One item of a PutInventory with its Content."""
    return {
        "TypeName": type_name,
        "SchemaVersion": version,
        "CaptureTime": at,
        "Content": list(entries),
        **members,
    }


def unchanged(type_name, content_hash, version="1.0", at=LATER):
    """One item that says by its hash that nothing has changed."""
    return {"TypeName": type_name, "SchemaVersion": version, "CaptureTime": at, "ContentHash": content_hash}


def apps(*names, **members):
    """AWS:Application with entries `name` or `name version`."""
    entries = [dict(zip(("Name", "Version"), one.split(), strict=False)) for one in names]
    return held("AWS:Application", *entries, version="1.1", **members)


def put(ssm, node_id, *items):
    return ssm.put_inventory(InstanceId=node_id, Items=list(items))


def entries(ssm, node_id, type_name=RACK, *filters, **members):
    return ssm.list_inventory_entries(InstanceId=node_id, TypeName=type_name, **asked(*filters), **members)["Entries"]


def asked(*filters):
    """Filters as (key, operator, value, …)."""
    if not filters:
        return {}
    return {"Filters": conditions(*filters)}


def conditions(*filters):
    return [{"Key": key, "Type": operator, "Values": values} for key, operator, *values in filters]


def ids(ssm, *filters, **members):
    return [one["Id"] for one in ssm.get_inventory(**asked(*filters), **members)["Entities"]]


def counts(ssm, *aggregators, filters=()):
    """The Data of each entity."""
    answer = ssm.get_inventory(Aggregators=list(aggregators), **asked(*filters))
    return [one["Data"] for one in answer["Entities"]]


def by(expression, *inner):
    nested = {"Aggregators": list(inner)} if inner else {}
    return {"Expression": expression, **nested}
