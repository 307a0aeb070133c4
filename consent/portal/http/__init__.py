"""What stands between the network and the routes: bounds on connections, requests and rates, and the form of what is sent back.

None of it knows what a page says, or notes who reads what.
"""
