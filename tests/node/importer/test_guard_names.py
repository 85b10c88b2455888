import pytest

from node.importer.guard_names import kind_of, offer_for
from node.importer.patterns import Kind
from tests.record_site import DICTIONARY

FOUND = {
    Kind.A_NUMBER: (
        "A-number|A#|A Number|Alien No.|AlienNumber|alien_registration_number|FIN|"
        "FIN #|Receipt Number|Número de extranjero|numero_de_extranjero|USCIS #|"
        "Número A|A-File Number"
    ),
    Kind.SSN: "SSN|Social Security Number|soc sec #|ITIN|Seguro Social|Tax ID|ssn4",
    Kind.DOCUMENT: (
        "Passport Number|Pasaporte|Driver's License|I-94|CURP|Matrícula consular"
    ),
    Kind.EMAIL: "Email|E-mail|e_mail address|eMail|Correo electrónico|Client: Email",
    Kind.PHONE: (
        "Phone|Cell|Cell Phone|PhoneNumber|Home Telephone|Mobile|Teléfono|"
        "Celular|WhatsApp|Contact: Phone 2"
    ),
    Kind.DEVICE: "IMEI|Device ID|IP|IP Address|MAC address|SerialNumber|Dispositivo",
    Kind.PLACE: "GPS|Latitude|lat|Long|Geo Coordinates|Longitud|GPSCoordinates",
    Kind.BIRTH: (
        "DOB|Date of Birth|BirthDate|birth_date|Birthday|Fecha de nacimiento|"
        "F. Nac.|FechaNacimiento|Year of birth|Client DOB"
    ),
    Kind.ADDRESS: "Address|Street|Address1|Mailing Street|Dirección|Domicilio|Calle",
    Kind.ZIP: "ZIP|Zip Code|ZipCode|Postal Code|Código postal",
    Kind.SOCIAL: "Facebook|Instagram handle|Social media|Redes sociales",
    Kind.PICTURE: "Photo|Client Photograph|Signature|Firma|Foto|Scan of document",
    Kind.BODY: "Fingerprint|Biometrics|Huella dactilar",
    Kind.ATTORNEY: "Attorney|Attorney Name|Lawyer|Abogado|EOIR ID|Name of attorney",
    Kind.COURT: (
        "Judge|Immigration Judge|Juez|Courtroom|Court Room|Hearing Location|Docket #"
    ),
    Kind.EMPLOYER: "Employer|Employer Name|Empleador|Lugar de trabajo",
    Kind.SCHOOL: "School|School Name|Escuela|Child's school",
    Kind.TEXT: (
        "Notes|Case Notes|Comments|Narrative|Observaciones|Comentarios|Notas|"
        "Remarks|Please specify|Other (please specify)|Notes - status"
    ),
    Kind.DIAGNOSIS: "Diagnosis|DX|ICD-10|Diagnóstico|Medication",
    Kind.ARRIVAL: "Port of Entry|POE|Puerto de entrada|Arrival date|Date of US entry",
    Kind.RELATIVE: (
        "Mother|Father's name|Spouse|Emergency contact|Madre|Cónyuge|Next of kin"
    ),
    Kind.ABUSER: "Abuser name|Trafficker|Agresor",
    Kind.STAFF: (
        "User|UserID|User name|Created By|Last Modified By|Case Manager|Caseworker|"
        "Assigned staff|Owner|Usuario|Case manager name"
    ),
    Kind.COUNTRY: "Country|Country of Birth|Nationality|País|Nacionalidad|Citizenship",
    Kind.NAME: (
        "Name|First Name|FirstName|last_name|Full name|Client Name|Participant Name|"
        "Nombre|Apellidos|Alias|AKA|Nickname|Maiden name|Account Name|NameSuffix|FNAME|"
        "Initials"
    ),
}
HARMLESS = (
    "Date of first contact|Case manager slot|Name of form|Project Name|ProgramName|"
    "Organization name|Nombre del programa|Participant ID|Case #|Case Number|Client ID|"
    "PersonalID|HouseholdID|EnrollmentID|Gender|Sexo|Age band|EntryDate|Entry Date|"
    "ExitDate|Fecha de salida|Fecha de fin|Exit reason|Destination|Household type|"
    "Number of adults|Number of children|Children under 5|Region of origin|"
    "Language group|Preferred language|Interpreter needed?|Consent signature date|"
    "DOBDataQuality|SSNDataQuality|NameDataQuality|Has attorney|Represented|"
    "Attorney since|Attorney type|Legal representation|Phone or video|Phone calls|"
    "Court accompaniment|Hearing date|Hearing type|Hearing result|Obligation kind|"
    "Check-in date|Address update due|GPS ankle monitor|Monitoring technology|"
    "Monitoring start|Work permit|School enrolled|LastGradeCompleted|Employed|"
    "EmploymentStatus|Screening tool|Trafficking screen result|Trafficking indicators|"
    "Draw ID|Pool entry date|Selection probability|Waitlist rank|Offer outcome|"
    "Decline reason|Minutes|Service type|Service date|Mode|Funding source|Domain|"
    "Goal met|Referral status|Referral closed reason|Note type|Month|FTE|"
    "Case manager FTE|Vacancies|Cost of personnel|Relationship to HoH|DateCreated|"
    "TimesHomelessPastThreeYears|DateToStreetESSH|SocSecRetirement|SSI|"
    "In-absentia reopened|One-year deadline|Application filed|Stage|Outcome|"
    "Estado del caso|Motivo de salida|Tipo de hogar|Fecha de entrada|Idioma|Género"
)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, names in FOUND.items() for name in names.split("|")],
)
def test_a_telling_name_is_found(kind, name):
    assert kind_of(name) is kind


def test_the_dictionarys_own_names_are_let_through():
    found = {
        f"{table}.{name}": kind_of(name, table=table)
        for table, content in DICTIONARY.tables.items()
        for name in content.fields
    }
    assert {name: kind for name, kind in found.items() if kind} == {}


@pytest.mark.parametrize("name", HARMLESS.split("|"))
def test_a_harmless_name_is_let_through(name):
    assert kind_of(name) is None


@pytest.mark.parametrize("write", [str.upper, str.lower, lambda n: n.replace(" ", "_")])
@pytest.mark.parametrize("name", ["Date of Birth", "Phone Number", "Case Notes"])
def test_spelling_does_not_matter(name, write):
    assert kind_of(write(name)) is kind_of(name)


def test_a_bare_name_is_a_persons_unless_the_table_is_of_something_public():
    assert kind_of("Name", table="Participants") is Kind.NAME
    assert kind_of("Name", table="Projects") is None
    # What happened to somebody is often called by their name.
    for table in ("Intake", "Referral", "Household Form", "Program_Engagement__c", ""):
        assert kind_of("Name", table=table) is Kind.NAME


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Kind.PHONE, "homephone|cellphonenumber"),
        (Kind.EMAIL, "emailaddress|workemail"),
        (Kind.NAME, "clientlastname|CLIENTFIRSTNAME|nombrecompleto"),
        (Kind.SSN, "socialsecuritynumber"),
        (Kind.TEXT, "casenotes"),
        (Kind.BIRTH, "clientbirthdate|fechadenacimiento"),
    ],
)
def test_a_telling_name_is_found_without_spaces_and_capitals(kind, names):
    assert {kind_of(name) for name in names.split("|")} == {kind}


ORDINARY = {
    "apricot": (
        "Record ID|Client ID|Form Name|Created On|Active Status|Program|Phase|County|"
        "Program Enrollment Date|Exit Reason|Gender Identity|Race/Ethnicity|Region|"
        "Primary Language|Household Size|Housing Status|Highest Level of Education|"
        "Health Insurance|Monthly Income|Hearing Outcome|Legal Representation Status|"
        "Country of Service|Units of Service|Duration (minutes)|Contact Method|"
        "Barrier Type|Check-In Due|ISAP Enrolled|Age at Enrollment|Veteran Status|"
        "Disability Status|Immigration Court Status|EAD Received|Consent on File|"
        "Date Consent Signed|Needs Assessment Score|Legal Orientation Attended|"
        "Number of Contacts|Emergency Fund Amount|Reason for Closure"
    ),
    "eto": (
        "Participant Site Identifier|CaseNumber|Subject Unique Identifier|Program Name|"
        "Dismissal Reason|TouchPoint Name|TouchPoint Date|Response Date|Time Spent|"
        "Contact Location|Entity Name|English Proficiency|Family ID|Response ID|"
        "Head of Household|Relationship to Head of Household|Date Taken"
    ),
    "salesforce": (
        "Id|IsDeleted|CreatedDate|LastModifiedDate|RecordTypeId|Case_Number__c|Origin|"
        "AccountId|ContactId|Program_Engagement__c|pmdm__Stage__c|npsp__HHId__c|"
        "UnitOfMeasurement__c|Age_Range__c|Interpreter_Required__c|SystemModstamp|"
        "RecordType.Name|Program__r.Name|Number_of_Adults__c|Case_Manager_Contact__c"
    ),
    "caseworthy": (
        "ClientID|FamilyID|EnrollmentID|ProgramName|BeginDate|ExitDestination|"
        "RelationToHOH|ServiceUnits|UnitValue|OrgGroupID|EthnicityCode|CaseNoteID|"
        "CitizenshipStatus|NonCashBenefit|TargetDate|OwnedByOrgID|LegacyID|FamilySize"
    ),
    "spanish": (
        "Número de caso|Fecha de ingreso|Motivo de salida|Edad|Idioma principal|"
        "Número de adultos|Intérprete necesario|Consentimiento|Fecha de audiencia|"
        "Duración en minutos|Estado de la meta|Nivel de escolaridad|Seguro médico|"
        "Ingreso mensual|Tamaño de la familia|Tiene abogado|Fecha del sorteo|"
        "Asistencia a la escuela|Visita domiciliaria"
    ),
    "hmis in small letters": (
        "personalid|enrollmentid|householdid|entrydate|relationshiptohoh|projectname|"
        "livingsituation|datetostreetessh|translationneeded|domesticviolencesurvivor|"
        "referralsource|dateprovided|typeprovided|exportid|datedeleted|"
        "organizationname|namedataquality|ssndataquality|dobdataquality|schoolstatus"
    ),
}


@pytest.mark.parametrize("system", ORDINARY)
def test_an_ordinary_export_raises_no_alarm(system):
    names = ORDINARY[system].split("|")
    assert {name for name in names if kind_of(name, table="Intake")} == set()


def test_every_kind_says_what_to_do_instead():
    for kind in Kind:
        assert offer_for(kind)
    assert "derive" in offer_for(Kind.BIRTH)


@pytest.mark.parametrize("name", ["", "   ", "###", "日本"])
def test_a_name_without_letters_gives_nothing_away(name):
    assert kind_of(name) is None
