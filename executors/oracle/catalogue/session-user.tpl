-- Oracle create user for a session: what an earlier attempt left is removed first, which the server refuses while it owns anything.
-- Clone it, and add GRANT lines for what the session is for.
DROP USER [#USERNAME#];
CREATE USER [#USERNAME#] IDENTIFIED BY "[#NEW_PASSWORD#]";
GRANT CREATE SESSION TO [#USERNAME#];
