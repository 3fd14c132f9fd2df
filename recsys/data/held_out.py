"""Users to choose by, where nobody has said which."""

import numpy as np

from recsys.data.log import InteractionLog
from recsys.data.split import Split
from recsys.data.splitting import strong_split, whole

SHARE = 0.1
MOST = 1000  # more tell little more, and are missed in training
FEWEST = 10  # of fewer users with two interactions, none can be spared


def hold_out_users(log: InteractionLog) -> Split:
    """Return a split that asks a tenth of the users, at most 1,000, for a fifth of their interactions.

    Who they are does not depend on any seed. Of fewer than 100 users with two interactions, nobody is held out.
    """
    able = int((np.bincount(log.merged().users) > 1).sum())
    share = min(SHARE, MOST / log.num_users)
    if share * log.num_users < FEWEST or able < FEWEST / SHARE:
        return whole(log)
    return strong_split(log, val_users=share, test_users=0)
