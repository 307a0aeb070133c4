"""The control methods: what a running gateway is asked, by whom, and its answers over the control socket."""
