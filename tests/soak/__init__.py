"""The soak: a city lives on this machine for some minutes, everything goes wrong at random, and at the end all is counted.

    sensors ──► Mosquitto ◄──tap──► gateway ◄──tap──► Mosquitto ──► listener
                                       ▲
             citizens, operator ───────┘   portal

The taps write down what passes between the gateway and each broker. Nothing that the gateway says of itself decides what was
lost, counted twice or leaked (``judge``); its ledger and its log are checked beside it.
"""
