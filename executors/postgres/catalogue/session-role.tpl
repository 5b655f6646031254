-- PostgreSQL create role for a session: what an earlier attempt left is removed first, which the server refuses while it owns
-- anything. Clone it, and add IN ROLE with the group whose members may do what the session is for.
DROP ROLE IF EXISTS [#USERNAME#];
CREATE ROLE [#USERNAME#] LOGIN PASSWORD '[#NEW_PASSWORD#]';
