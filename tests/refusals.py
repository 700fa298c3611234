"""How tests look at a call that must be refused."""

import pytest
from botocore.exceptions import ClientError


def refusal(call, **members):
    """Code and text of the error that a boto3 call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
