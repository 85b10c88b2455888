"""What the site's privacy officer allows: the rules, the file, the officer's key."""

from node.policy.file import Draft, draft_policy, load, sign
from node.policy.rules import Caps, Policy

__all__ = ["Caps", "Draft", "Policy", "draft_policy", "load", "sign"]
