"""How the threads of torch wait for one another; to be imported before torch.

GNU's OpenMP lets a thread that has nothing to do spin for some 300,000 rounds before it sleeps. Beside another busy
process on the same cores the scheduler takes the spinning thread for a working one, and the one it waits for stays
where it was pushed aside: condensing Cora then takes 20 s instead of one. A short spin is nearly as fast on an idle
machine.
"""

import os

if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
    os.environ["GOMP_SPINCOUNT"] = "1000"
