-- Oracle drop user: it stays while it is logged in or owns anything. Clone it, and add CASCADE if its objects may go.
DROP USER [#USERNAME#]
