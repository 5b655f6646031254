package azure

// Policy is the smallest permission of an account, as az ad app update --required-resource-accesses takes it: Microsoft Graph's
// Application.ReadWrite.OwnedBy, by which the account changes the applications that it owns and no others.
func Policy() string {
	return `[
  {
    "resourceAppId": "00000003-0000-0000-c000-000000000000",
    "resourceAccess": [
      {
        "id": "18a4783c-866b-4cc7-a460-3d5e5662c884",
        "type": "Role"
      }
    ]
  }
]`
}
